"""The assets of a governed model, one file per stage. Thin: each calls one step of `life` and shows what it recorded."""
