"""The domain: concerts, their annotation, captions and spectrograms. No torch, no gradio."""
