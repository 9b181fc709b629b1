"""The index of a pack: what it says, for people. One content, drawn as a page and as paper."""
