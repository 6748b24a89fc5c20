"""The command line: thin, the last to be imported, and the only one to print.

main reads the arguments (arguments, by parser; rule_arguments, token_arguments,
format_arguments and engine have those of a kind, shared_arguments those of several
commands) and runs one of the commands (commands, format_commands). These show their
progress (progress; running is what runs into a folder share) and print their result: to
stdout if it is what the command is for, to stderr if a file is (printing, and display
for tables). demo packs Python's standard library.

May import everything.
"""
