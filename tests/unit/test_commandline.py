"""From settings to the options of a command line, and back through a shell."""

import shlex
from typing import Annotated

import pytest
import typer
from pydantic import BaseModel
from typer.testing import CliRunner

from scripts.lib.base.commandline import expanded, flags, in_file, words
from scripts.lib.experiment.config.finetune import Finetune
from scripts.lib.rewards.single_image_distance import Settings as Distance


class Settings(BaseModel):
    learning_rate: float = 2e-6
    horizontal_flip: bool = True
    path: str | None = None


def test_a_section_becomes_its_options():
    assert flags(Settings()) == "--learning-rate 2e-06 --horizontal-flip"
    assert flags(Settings(horizontal_flip=False, path="x")) == "--learning-rate 2e-06 --no-horizontal-flip --path x"


def test_nested_sections_are_left_to_their_own_scripts():
    assert flags(Distance.model_validate({"features": {"network": "vae", "weights": "w"}})) == ""


def test_a_list_repeats_its_option_and_none_and_empty_lists_say_nothing():
    assert flags({"prompt": ["a", "b"], "other": None, "none": []}) == "--prompt a --prompt b"


@pytest.mark.parametrize("text", ['a photo, it\'s "new"', "$HOME `ls` {x} * \\", "", "-x", "two\nlines", "日本"])
def test_any_text_reaches_the_program_as_it_is(text):
    app = typer.Typer()

    @app.command()
    def main(prompt: Annotated[list[str], typer.Option()]) -> None:
        typer.echo(repr(prompt))

    words = shlex.split(flags({"prompt": [text, "b"]}))
    result = CliRunner().invoke(app, words)
    assert result.output.strip() == repr([text, "b"])


def test_every_setting_of_a_fine_tune_survives_the_way(tmp_path):
    settings = Finetune.model_validate(
        {"learning_rate": 1.23456789e-7, "mixed_precision": "bf16", "trainable": {"lora": {"rank": 8}}}
    )
    word = in_file(words({"settings": settings.model_dump_json()}), tmp_path)
    assert Finetune.model_validate_json(expanded([word])[1]) == settings


ODD = ["", "-x", "--no", "two\nlines", "{x} {{y}} $HOME `ls` 'q' \"q\" \\", "日本 👩", "@home", "x" * 200_000]


def test_words_of_any_length_and_kind_travel_in_a_file(tmp_path):
    word = in_file(words({"prompt": ODD}), tmp_path)
    app = typer.Typer()

    @app.command()
    def main(prompt: Annotated[list[str], typer.Option()], last: Annotated[bool, typer.Option()] = True) -> None:
        typer.echo(repr((prompt, last)))

    result = CliRunner().invoke(app, expanded([word, "--no-last"]))
    assert result.output.strip() == repr((ODD, False))
    assert shlex.split(word) == [word]


def test_the_name_of_the_file_changes_exactly_when_a_word_does(tmp_path):
    first = in_file(["a b", "c"], tmp_path)
    assert in_file(["a b", "c"], tmp_path) == first
    assert len({first, in_file(["a", "b c"], tmp_path), in_file(["c", "a b"], tmp_path)}) == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_a_word_that_only_looks_like_a_file_is_what_it_says():
    assert expanded(["@home", "@", "", "a@b"]) == ["@home", "@", "", "a@b"]
