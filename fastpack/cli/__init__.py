"""The command line: thin, the last to be imported, and the only one to print.

main reads the arguments (arguments) and runs one of the commands (commands), which show
their progress (progress) and print their result: to stdout if it is what the command is
for, to stderr if a file is (printing, and display for tables). demo packs Python's
standard library.

May import everything.
"""
