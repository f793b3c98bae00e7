"""Study: which documents does a language model call right, and does it judge as people do?"""
