"""The command line: thin, the last to be imported, and the only one to print.

arguments -> commands -> display and progress; demo packs Python's standard library.

May import everything.
"""
