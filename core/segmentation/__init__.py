"""Stage 3, suggested: a concert cut into its sections, with honest confidence, by what is heard.

    path --listening--> a row a second      frames, seconds, repetition; cached in features/
    rows --model--> probabilities           context, network; who leads, which section
    probabilities --suggesting--> sections  statistics, decoding, boundaries, violin, reasons
    sections --drafting--> the library      drafts that people accept, correct or reject
    approved --learning--> a new model      where it is better on recordings left out

`bootstrap` trains the shipped model on the lessons that `schooling` renders (`variation`,
`negatives`); `fitting` holds what is scikit-learn's; `evaluation` the scores; `mridangam` and
`levels` how much of a segment is drum.
"""
