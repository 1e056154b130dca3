"""How the studio looks: peacock and turmeric on paper, in typefaces that gradio itself carries."""

import gradio as gr
from gradio.themes.utils import colors, fonts

PEACOCK = colors.Color(
    name="peacock",
    c50="#eef7f6",
    c100="#d7ecea",
    c200="#b0d8d5",
    c300="#81bdb9",
    c400="#4f9e9a",
    c500="#2c807d",
    c600="#1f6866",
    c700="#1b5453",
    c800="#194445",
    c900="#173a3b",
    c950="#0a2223",
)
TURMERIC = colors.Color(
    name="turmeric",
    c50="#fdf8eb",
    c100="#faecc8",
    c200="#f5d88d",
    c300="#efbf52",
    c400="#e8a72c",
    c500="#d48a17",
    c600="#b36a12",
    c700="#8c4c13",
    c800="#743d17",
    c900="#633318",
    c950="#391a09",
)
PAPER = colors.Color(
    name="paper",
    c50="#faf8f4",
    c100="#f3efe8",
    c200="#e6e0d6",
    c300="#d2c9bb",
    c400="#a89d8d",
    c500="#7d7367",
    c600="#5e564d",
    c700="#474139",
    c800="#2d2925",
    c900="#1f1c19",
    c950="#141210",
)


def studio_theme() -> gr.themes.Base:
    """The theme: no font or file of it comes from another host."""
    # Of gradio's own fonts few are whole; this one has the letters of romanised Sanskrit and Tamil.
    text = fonts.LocalFont("Source Sans Pro", weights=(400, 700))
    theme = gr.themes.Base(
        primary_hue=PEACOCK,
        secondary_hue=TURMERIC,
        neutral_hue=PAPER,
        radius_size="md",
        font=(text, "ui-sans-serif", "system-ui", "sans-serif"),
        font_mono=(fonts.LocalFont("IBM Plex Mono", weights=(400,)), "ui-monospace", "monospace"),
    )
    return theme.set(
        body_background_fill="*neutral_50",
        body_text_color="*neutral_800",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_secondary="*neutral_50",
        block_background_fill="white",
        block_border_color="*neutral_200",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_title_text_weight="600",
        block_title_text_size="*text_sm",
        block_shadow="0 1px 2px rgb(45 41 37 / 0.05)",
        input_background_fill="*neutral_50",
        input_border_color="*neutral_200",
        input_border_color_focus="*primary_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="white",
        button_secondary_background_fill="*neutral_100",
        button_secondary_background_fill_hover="*neutral_200",
        button_large_text_weight="600",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
    )
