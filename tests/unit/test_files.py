"""Which files of a folder are images: endings, links, hidden folders, odd names."""

import os

import pytest
from PIL import Image

from scripts.lib.dataset import files


def test_files_are_listed_without_being_opened_and_only_images(tmp_path, monkeypatch):
    for name in ("00001/01000.png", "00000/00007.PNG", "00000/LICENSE.txt", "00000/._00007.png", "empty.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"" if name == "empty.jpg" else b"not opened, so not missed")
    monkeypatch.setattr(Image, "open", None)
    table = files.list_images(tmp_path)
    assert table["file_name"].tolist() == ["00000/00007.PNG", "00001/01000.png", "empty.jpg"]
    assert table["excluded"].tolist() == ["", "", "broken"]


def test_a_folder_that_holds_no_image_or_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"holds no image .*dataset\.path"):
        files.list_images(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such folder"):
        files.list_images(tmp_path / "nowhere")


def save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"not opened")


def listed(folder):
    return files.list_images(folder)["file_name"].tolist()


def test_endings_are_those_that_pillow_reads_in_any_case(tmp_path):
    names = ["a.jfif", "b.JPE", "c.gif", "d.Tiff", "e.webp", "f.bmp", "g.ppm", "h.tga"]
    for name in [*names, "i.pdf", "j.h5", "k.ico", "l.jp2", "m.avif", "n.txt", "png"]:
        save(tmp_path / name)
    assert listed(tmp_path) == names
    formats = Image.registered_extensions()
    assert all(formats[ending] in Image.OPEN or formats[ending] == "MPO" for ending in files.endings())


def test_links_are_followed_and_a_file_counts_once(tmp_path):
    images, elsewhere = tmp_path / "images", tmp_path / "elsewhere"
    save(elsewhere / "deep/1.png")
    save(images / "2.png")
    (images / "linked").symlink_to(elsewhere)
    (images / "again").symlink_to(elsewhere / "deep")
    (images / "3.png").symlink_to("2.png")
    table = files.list_images(images).set_index("file_name")
    assert table["same_as"].to_dict() == {
        "2.png": "",
        "3.png": "2.png",
        "again/1.png": "",
        "linked/deep/1.png": "again/1.png",
    }
    assert (table["excluded"] == "").all()


def test_the_folder_itself_may_be_a_link(tmp_path):
    save(tmp_path / "there/1.png")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    assert listed(tmp_path / "here") == ["1.png"]


def test_links_in_a_circle_end(tmp_path):
    save(tmp_path / "a/1.png")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    table = files.list_images(tmp_path).set_index("file_name")
    assert table["reason"].to_dict() == {"a/1.png": "", "loop.png": "the link leads nowhere"}


def test_a_link_that_leads_nowhere_is_broken(tmp_path):
    (tmp_path / "1.png").symlink_to(tmp_path / "gone.png")
    table = files.list_images(tmp_path)
    assert table[["excluded", "reason"]].to_numpy().tolist() == [["broken", "the link leads nowhere"]]


@pytest.mark.parametrize(
    "place",
    [
        ".Trash-1000/files",
        ".ipynb_checkpoints",
        "deep/@eaDir/x",
        "__MACOSX",
        "Thumbs",
        "$RECYCLE.BIN",
        "#recycle",
        "lost+found",
    ],
)
def test_what_a_system_keeps_beside_the_images_is_not_used_and_said(tmp_path, capsys, place):
    save(tmp_path / place / "1.png")
    save(tmp_path / "thumbnails128x128/1.png")
    save(tmp_path / ".hidden.png")
    assert listed(tmp_path) == ["thumbnails128x128/1.png"]
    assert f"Left out, as hidden or a system's own: {place.removesuffix('/files').removesuffix('/x')}" in (
        capsys.readouterr().err
    )
    assert listed(tmp_path / place) == ["1.png"], "asked for by name, it is read"


def test_a_name_that_is_not_utf8_is_broken_and_shown(tmp_path):
    (tmp_path / "fine.png").write_bytes(b"x")
    with open(os.fsencode(tmp_path) + b"/caf\xe9.png", "wb") as file:  # noqa: PTH123
        file.write(b"x")
    table = files.list_images(tmp_path)
    assert table["file_name"].tolist() == ["caf\\xe9.png", "fine.png"]
    assert table["excluded"].tolist() == ["broken", ""]
    assert "is not UTF-8; rename it" in table["reason"][0]
    table.to_csv(tmp_path / "files.csv")


def test_a_name_that_no_table_can_hold_is_broken_and_shown(tmp_path):
    save(tmp_path / "Icon\r.png")
    table = files.list_images(tmp_path)
    assert table["file_name"].tolist() == ["Icon\\r.png"]
    assert "carriage return" in table["reason"][0]


def test_what_is_no_file_is_not_listed(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    save(tmp_path / "folder.png/1.png")
    assert listed(tmp_path) == ["folder.png/1.png"]
