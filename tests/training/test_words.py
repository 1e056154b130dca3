from core.caption import describe, say
from core.theory import ragas
from training.words import END, N_TOKENS, caption_words, learn_tokenizer


def test_every_word_of_a_caption_is_one_token():
    tokenizer = learn_tokenizer(caption_words())
    known = describe("Mohanam", "Adi", "kriti", 146.8, instrument="violin", tempo="slow")
    for preset in ("rich", "concise", "tags"):
        tokens = tokenizer.tokenize(say(known, preset))
        assert all(token.endswith("</w>") for token in tokens), tokens


def test_every_raga_has_a_token_of_its_own():
    tokenizer = learn_tokenizer(caption_words())
    names = [raga.name for raga in ragas() if raga.name.isalpha() and raga.name.isascii()]
    tokens = [tokenizer.tokenize(name) for name in names]
    assert max(map(len, tokens)) == 1
    assert len({token for (token,) in tokens}) == len({name.lower() for name in names})


def test_a_rich_caption_is_read_to_its_end():
    tokenizer = learn_tokenizer(caption_words())
    known = describe("Simhendramadhyamam", "Khanda chapu", "neraval", 146.8, tempo="slow") | {
        "composer": "Sample Composer 1", "composition": "Sample Todi 1", "artist": "Sample Artist",
        "mridangam": "with soft mridangam",
    }  # fmt: skip
    assert len(tokenizer(say(known, "rich")).input_ids) <= N_TOKENS


def test_words_nobody_foresaw_are_spelled_out_and_survive_saving(tmp_path):
    from transformers import CLIPTokenizer

    tokenizer = learn_tokenizer(caption_words())
    tokenizer.save_pretrained(tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path)
    for text in ("Alapanai in raga Mohanam", "xylophone, é!"):
        ids = tokenizer(text).input_ids
        assert again(text).input_ids == ids
        assert ids.count(tokenizer.convert_tokens_to_ids(END)) == 1  # the end, and no unknown word
