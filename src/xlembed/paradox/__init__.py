"""Does separating languages help within and hurt across them, and which model breaks that?"""
