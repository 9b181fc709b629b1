"""The index of a pack and what else is made from its records: views, and nothing that the pack does not hold."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path

import pytest

from lifecycle.evidence import packed_ledger, views
from lifecycle.evidence.controls import Framework
from lifecycle.evidence.drafting import draft_of
from lifecycle.evidence.index import contents, paper, telling
from lifecycle.evidence.index.document import Cell, Commands, Document, Facts, Paragraph, Section, Table
from lifecycle.evidence.index.page import page_of
from lifecycle.evidence.index.paper import paper_of
from lifecycle.evidence.pack import Scope, write_pack
from lifecycle.evidence.views import views_of
from tests.evidence.house import House
from tests.evidence.packs import VERSION_1, Result, files_of, verify


def whole(house: House, frameworks: tuple[Framework, ...], scope: Scope = VERSION_1) -> bytes:
    """A pack with everything in it that a pack has."""
    draft = draft_of(house.url, house.artifacts, scope)
    target = BytesIO()
    write_pack(target, draft, views_of(draft, house.artifacts, frameworks, house.signer), house.signer)
    return target.getvalue()


@pytest.fixture(scope="module")
def files(house: House, frameworks: tuple[Framework, ...]) -> dict[str, bytes]:
    return files_of(whole(house, frameworks))


def checked(pack: bytes, tmp_path: Path) -> Result:
    result = verify(pack, tmp_path)
    assert (result.code, result.broken) == (0, [])
    return result


def test_a_whole_pack_verifies(house: House, frameworks: tuple[Framework, ...], tmp_path: Path) -> None:
    """With every export, card and page in it."""
    checked(whole(house, frameworks), tmp_path)


def test_a_whole_pack_is_the_same_bytes_each_time(house: House, frameworks: tuple[Framework, ...]) -> None:
    """The PDF and the signed attestations as well."""
    assert whole(house, frameworks) == whole(house, frameworks)


def test_a_period_has_an_index_as_well(house: House, frameworks: tuple[Framework, ...], tmp_path: Path) -> None:
    """Of everything that happened in it."""
    pack = whole(house, frameworks, Scope(since_us=1_800_000_000_000_000))
    checked(pack, tmp_path)
    assert b"Everything, from 2027-01-15 08:00:00 to the last signed record" in files_of(pack)["index.html"]


def test_a_long_period_has_a_short_index_that_says_so(
    house: House, frameworks: tuple[Framework, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The latest records and the first files, how many there are, and no graph that nobody could draw; the proof is whole."""
    for module, name in ((views, "MOST_EXPORTED"), (contents, "MOST_ROWS"), (telling, "MOST_ROWS"), (packed_ledger, "_KEPT_PARSED")):
        monkeypatch.setattr(module, name, 5)
    pack = whole(house, frameworks, Scope(since_us=1_800_000_000_000_000))
    checked(pack, tmp_path)
    files, size = files_of(pack), house.ledger.head().size
    page = files["index.html"].decode()
    assert len([path for path in files if path.startswith("leaves/")]) == size
    assert f"The latest 5 of {size} records." in page
    assert "The first 5 of" in page
    assert "exports of the lineage: of so many records" in page
    assert not [path for path in files if "prov" in path and path.startswith("views/")]


def test_every_link_of_the_page_leads_to_a_file_of_the_pack(files: dict[str, bytes]) -> None:
    """Or to a heading on the page itself."""
    page = files["index.html"].decode()
    links = set(re.findall(r'href="([^"#]+)"', page))
    assert links
    assert links <= set(files)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_every_record_that_a_clause_names_leads_to_its_bytes(files: dict[str, bytes]) -> None:
    """On the page and on paper, the two ends of a run of them each."""
    page, clauses = files["index.html"].decode(), json.loads(files["views/clauses.json"])["clauses"]
    paths = {int(path[7:13]): path for path in files if path.startswith("leaves/")}
    cited = {index for clause in clauses for index in clause["indexes"]}
    ends = {index for index in cited if not {index - 1, index + 1} <= cited}
    assert ends
    for index in sorted(ends):
        assert f'<a href="{paths[index]}" class="plain">{index}</a>' in page
        assert f"/URI ({paths[index]})".encode() in files["index.pdf"]


def test_a_digest_on_paper_can_be_copied(files: dict[str, bytes]) -> None:
    """Every digest of a proven file stands there in one piece, or broken where its column ends and nowhere else."""
    from reportlab.platypus import Paragraph as Drawn

    drawn: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Drawn, "__init__", lambda _, text, style: drawn.append(text))
        digest = "sha256:" + "0123456789abcdef" * 4
        paper._drawn(Facts((("Model", (Cell(digest, code=True),)),)), {"head": None, "small": None})
    assert any(digest in text for text in drawn)


def test_a_clause_says_from_when_it_applies_where_that_is_another_day(files: dict[str, bytes]) -> None:
    """Articles 72 and 73 do not wait for the duties that were deferred; counsel has to confirm that, and is told so."""
    page = files["index.html"].decode()
    row = page.partition("<td><span>73(1)</span></td>")[2].partition("</tr>")[0]
    assert "Applies from 2026-08-02" in row
    assert "counsel has to confirm it" in row
    assert "73(2)-(4) from 2026-08-02, as is said there" in page


def test_a_gap_that_names_records_says_what_they_show(files: dict[str, bytes]) -> None:
    """Otherwise nobody knows what they are there for."""
    page = files["index.html"].decode()
    partial = [one for one in json.loads(files["views/clauses.json"])["clauses"] if one["status"] == "gap" and one["indexes"]]
    assert partial
    assert page.count("What the records show nevertheless: ") == len(partial)


def test_the_page_needs_nothing_from_anywhere(files: dict[str, bytes]) -> None:
    """No script, no font, no picture, and a policy that would stop one."""
    page = files["index.html"].decode()
    assert "Content-Security-Policy" in page
    assert not re.findall(r"<script|<img|<link|https?://|url\(", page)


def test_the_page_says_who_approved_and_what_serves(files: dict[str, bytes]) -> None:
    """What a reader wants to know first."""
    page = files["index.html"].decode()
    for said in ("serving in local", "approved by rita", "The evidence is sound.", "promotion", "deployment"):
        assert said in page


def test_every_record_that_a_clause_cites_is_in_the_pack(files: dict[str, bytes]) -> None:
    """Evidence that can't be opened is none."""
    indexes = {entry["index"] for entry in json.loads(files["pack.json"])["leaves"]}
    clauses = json.loads(files["views/clauses.json"])["clauses"]
    cited = {index for clause in clauses for index in clause["indexes"]}
    assert cited
    assert cited <= indexes


def test_nothing_says_what_only_a_person_can_judge(files: dict[str, bytes]) -> None:
    """Evidence or gap, and never the other word."""
    for path in ("index.html", "README.txt", "views/clauses.json", "views/model-card.md"):
        assert b"compliant" not in files[path].lower()


def test_what_happened_to_a_person_s_name_is_harmless() -> None:
    """Text is text, on the page and on paper."""
    nasty = '<script>alert("1")</script> & <b>bold</b> \u2192 \u4f60'
    blocks = (Paragraph(nasty), Facts(((nasty, (Cell(nasty, nasty, code=True),)),)), Table((nasty,), ((nasty,),), (1,)), Commands((nasty,)))
    index = Document(nasty, nasty, nasty, (Cell(nasty),), (Section(nasty, blocks),), nasty)
    assert b"<script>" not in page_of(index)
    assert paper_of(index).startswith(b"%PDF-")


def test_paper_carries_no_time(files: dict[str, bytes]) -> None:
    """Only the one that stands for none."""
    assert files["index.pdf"].startswith(b"%PDF-")
    assert set(re.findall(rb"/CreationDate \((D:\d{8})", files["index.pdf"])) == {b"D:20000101"}


def test_the_readme_names_the_program_by_its_digest(files: dict[str, bytes]) -> None:
    """So that a copy can be compared by eye."""
    import hashlib

    assert hashlib.sha256(files["verify.py"]).hexdigest() in files["README.txt"].decode()
