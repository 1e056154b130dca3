"""The page: one tab per stage. Everything that needs gradio lives here; no domain rule does."""
