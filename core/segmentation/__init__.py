"""Stage 3, suggested: a concert cut into its sections, with honest confidence, by what is heard.

path --listening--> a row a second    what is struck, sung, repeated; cached
"""
