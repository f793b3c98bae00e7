"""Study: can the questions of a task be believed, and which of them shall stay?"""
