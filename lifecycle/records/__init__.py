"""What the departments say to each other: frozen, strict records with canonical bytes.

Pure: nothing in here opens a file, a socket or a clock other than through an argument.
"""
