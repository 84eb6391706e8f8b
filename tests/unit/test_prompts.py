"""Prompts that a model cannot tell apart are refused, those that it cuts are named."""

import json
import shutil

import pytest
from transformers import CLIPTokenizer

from scripts.lib.base.code import ROOT
from scripts.lib.engines import prompts

MODEL, CLIP = ROOT / "models/miniature", ROOT / "models/miniature/clip"
LONG = "a drawing of a person, avatar, flat colors, simple shapes, clean lines, plain background, portrait, front view"
TEXTS = ["", " ", "a man", "A  Man!", "it's 1234 o'clock", "größe É é", "日本 👩", "$5 {x}", "<|endoftext|> a", LONG]


@pytest.fixture
def old(tmp_path):
    """The tokenizer of the miniature in the two files that older models have."""
    content = json.loads((MODEL / "tokenizer/tokenizer.json").read_text())["model"]
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(MODEL / "tokenizer/tokenizer_config.json", folder)
    (folder / "vocab.json").write_text(json.dumps(content["vocab"]))
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in content["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return folder


@pytest.mark.parametrize("kind", ["new", "old"])
def test_the_tokens_are_those_that_the_jobs_see(old, kind):
    folder = old if kind == "old" else MODEL / "tokenizer"
    tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    window = prompts._window(folder, {})
    assert window is not None
    assert window.size == 32
    seen = [list(window.read(tokens)) for tokens in window.tokens(TEXTS)]
    assert seen == tokenizer(TEXTS, truncation=True).input_ids
    assert max(map(len, window.tokens(TEXTS))) > 32, "one text is cut"


def test_groups_whose_prompts_become_equal_are_refused():
    texts = {word: f"{LONG}, high quality, {word}" for word in ("man", "woman")}
    with pytest.raises(ValueError, match=r"models/miniature/tokenizer reads 32 tokens .* 'man' and 'woman'"):
        prompts.check(texts, [], [MODEL], CLIP)


def test_groups_that_differ_in_what_no_tokenizer_sees_are_refused():
    with pytest.raises(ValueError, match=r"'a' and 'b' .*'a Man' and 'a  man'"):
        prompts.check({"a": "a Man", "b": "a  man"}, [], [MODEL], CLIP)


def test_a_scorer_with_a_shorter_window_is_asked_too(tmp_path):
    shutil.copytree(CLIP, tmp_path / "clip", ignore=shutil.ignore_patterns("*.safetensors"))
    path = tmp_path / "clip/config.json"
    content = json.loads(path.read_text())
    content["text_config"]["max_position_embeddings"] = 4
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="clip reads 4 tokens"):
        prompts.check({"a": "one two three man", "b": "one two three woman"}, [], [MODEL], tmp_path / "clip")


def test_what_is_cut_and_stays_different_is_named():
    texts = {"man": f"a man, {LONG}, {LONG}", "woman": "a woman"}
    warnings = prompts.check(texts, ["a cat", f"a dog, {LONG} {LONG}"], [MODEL], CLIP)
    assert [warning.split(";")[0] for warning in warnings] == [
        f"Warning: {folder} reads 32 tokens of a prompt and cuts the rest" for folder in (MODEL / "tokenizer", CLIP)
    ]
    assert all("2 of 4 prompts are longer" in warning for warning in warnings)


def test_prompts_that_fit_and_weights_that_are_not_there_say_nothing(tmp_path):
    texts = {"man": "a man", "woman": "a woman"}
    assert prompts.check(texts, ["", "a cat"], [MODEL], CLIP) == []
    assert prompts.check(dict.fromkeys(texts, LONG + LONG), [LONG + LONG], [tmp_path / "no"], tmp_path / "no") == []


def test_groups_that_share_one_prompt_by_the_template_are_allowed():
    assert prompts.check({"man": "", "woman": ""}, [], [MODEL], CLIP) == []
