"""What identifies a file or folder: its content, through links, and read once."""

import os
import shutil
import time

import pytest

from scripts.lib.base import hashes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keep the cache out of the checkout, and trust files that were written just now."""
    monkeypatch.setattr(hashes, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(hashes, "SETTLED", -1.0)
    return tmp_path / "cache"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model/unet").mkdir(parents=True)
    (tmp_path / "model/model_index.json").write_text("{}")
    (tmp_path / "model/unet/weights.safetensors").write_bytes(b"a" * (hashes.LARGE + 1))
    return tmp_path / "model"


def test_the_hash_changes_with_every_content_and_name(folder):
    found = {hashes.content(folder)}
    (folder / "unet/weights.safetensors").write_bytes(b"b" * (hashes.LARGE + 1))
    found.add(hashes.content(folder))
    (folder / "model_index.json").write_text("[]")
    found.add(hashes.content(folder))
    (folder / "another.json").touch()
    found.add(hashes.content(folder))
    assert len(found) == 4


def test_cached_or_not_and_wherever_it_lies_the_hash_is_the_same(folder, tmp_path, cache):
    expected = hashes.sha256(folder)
    assert not cache.exists()
    shutil.copytree(folder, tmp_path / "copy")
    assert hashes.content(folder) == hashes.content(folder) == hashes.content(tmp_path / "copy") == expected
    assert hashes.content(folder / "model_index.json") == hashes.sha256(folder / "model_index.json")


def test_linked_components_and_the_layout_of_the_hubs_cache_count_as_the_files_themselves(folder, tmp_path):
    expected = hashes.sha256(folder)
    linked = tmp_path / "linked"
    linked.mkdir()
    shutil.copy(folder / "model_index.json", linked)
    (linked / "unet").symlink_to(folder / "unet")
    snapshot = tmp_path / "snapshot"
    for file in hashes.files(folder):
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(file, link.parent))
    assert hashes.content(linked) == hashes.content(snapshot) == expected
    assert hashes.size(linked, ".safetensors") == hashes.size(snapshot, ".safetensors") == hashes.LARGE + 1
    (folder / "unet/weights.safetensors").write_bytes(b"b" * (hashes.LARGE + 1))
    assert hashes.content(linked) == hashes.content(snapshot) == hashes.sha256(folder) != expected


def test_a_link_to_a_folder_around_it_is_followed_once(folder):
    (folder / "unet/again").symlink_to(folder)
    assert [str(file.relative_to(folder)) for file in hashes.files(folder)] == [
        "model_index.json",
        "unet/weights.safetensors",
    ]


def test_hidden_files_and_model_cards_do_not_count(folder):
    expected = hashes.content(folder)
    (folder / "README.md").write_text("a card")
    (folder / ".download.json").write_text("{}")
    assert hashes.content(folder) == expected


def test_what_has_not_changed_is_not_read_again(folder, monkeypatch):
    expected = hashes.content(folder)
    monkeypatch.setattr(hashes, "_of_file", lambda path: pytest.fail(f"{path} was read"))
    assert hashes.content(folder) == expected


def test_another_content_of_the_same_size_and_time_of_modification_is_seen(folder):
    weights = folder / "unet/weights.safetensors"
    status, expected = weights.stat(), hashes.content(folder)
    weights.write_bytes(b"b" * status.st_size)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert hashes.content(folder) != expected


def test_a_file_that_may_still_change_is_not_remembered(folder, monkeypatch, cache):
    monkeypatch.setattr(hashes, "SETTLED", 60.0)
    hashes.content(folder)
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_is_no_error(folder, cache):
    cache.write_text("a file in its place")
    assert hashes.content(folder) == hashes.sha256(folder)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        hashes.content(tmp_path / "lost")


def test_a_listing_sees_a_replaced_image_and_not_a_copy_that_kept_the_times(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (images / "1.png").write_bytes(b"one")
    expected = hashes.listing(images)
    shutil.copytree(images, tmp_path / "copy")
    assert hashes.listing(tmp_path / "copy") == expected
    (images / "1.png").write_bytes(b"two")
    os.utime(images / "1.png", (time.time() + 5, time.time() + 5))
    assert hashes.listing(images) != expected
