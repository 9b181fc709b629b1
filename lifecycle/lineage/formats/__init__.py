"""The graph in the languages of the field. What each writes, the module of the same name in `lineage/parsing` reads back."""
