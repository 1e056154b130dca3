"""Fine-tuning, generation and evaluation. Everything that needs torch lives here; no gradio."""
