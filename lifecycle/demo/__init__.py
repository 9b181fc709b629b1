"""The story that `lifecycle demo` tells: a whole life of the credit model, with nothing in it acted."""
