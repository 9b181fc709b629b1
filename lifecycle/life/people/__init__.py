"""People's part in a life: signing, refusing, waiving, governing, and what waits for whom."""
