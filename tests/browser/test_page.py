"""The page in a browser: what a reader sees, sorts, filters, reads in the dark, and prints."""

import math
import re

import pytest

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


class Opened:
    """A page with what it said, what it asked for, and what it warned of."""

    def __init__(self, browser, address, before="", **context):
        self.context = browser.new_context(**{"viewport": DESKTOP, **context})
        self.page = self.context.new_page()
        self.page.add_init_script(before)
        self.said, self.asked = [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)


@pytest.fixture
def opened(browser, address):
    """Open the page; its context closes with the test."""
    made = []

    def open_(**context):
        made.append(Opened(browser, address, **context))
        return made[-1]

    yield open_
    for one in made:
        one.context.close()


@pytest.fixture
def page(opened):
    return opened().page


@pytest.mark.parametrize("offline", [False, True])
def test_the_page_opens_in_silence_and_asks_for_nothing_but_itself(opened, address, offline):
    found = opened(offline=offline)
    assert found.page.locator("h1").inner_text() == "How robust is it?"
    assert found.page.locator("svg").count() >= 3
    assert found.said == []
    assert found.asked == [address]


def test_the_policy_stops_what_is_not_the_pages_own(opened):
    found = opened()
    for inject in (
        "const s = document.createElement('script'); s.textContent = 'window.ran = 1'; "
        "document.body.append(s)",
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = 1\">')",
    ):
        found.page.evaluate(f"() => {{ {inject} }}")
    found.page.wait_for_timeout(200)
    assert found.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in text for text in found.said)


def column(table, number):
    """(text, exact value or None) of the cells of a column, from the top."""
    cells = table.locator(f"tbody tr td:nth-child({number + 1})").all()
    found = [(cell.inner_text().strip(), cell.get_attribute("data-value")) for cell in cells]
    return [(text, None if value is None else float(value)) for text, value in found]


def sort(table, title):
    """Press the button of a column; its place."""
    titles = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    number = titles.index(title)
    table.locator("thead th").nth(number).get_by_role("button").click()
    return number


def test_tables_sort_by_exact_values_in_both_directions_and_blanks_stay_last(page):
    table = page.locator("#costs table.sortable")
    # Texts that say nothing of the values, and one value less, so that a dash is among them.
    table.locator("tbody").evaluate(
        "body => Array.from(body.rows).forEach((row, k) => { row.cells[2].textContent = k; })"
    )
    table.locator("tbody tr").nth(1).evaluate(
        "row => { row.cells[2].textContent = '-'; delete row.cells[2].dataset.value; }"
    )
    for direction, reverse in (("ascending", False), ("descending", True)):
        number = sort(table, "fit CPU s")
        head = table.locator("thead th").nth(number)
        assert head.get_attribute("aria-sort") == direction
        found = column(table, number)
        values = [value for _, value in found if value is not None]
        assert len(values) > 3
        assert values == sorted(values, reverse=reverse)
        assert found[-1] == ("-", None)
    assert table.locator("[aria-sort]").count() == 1
    number = sort(table, "method")
    names = [text for text, _ in column(table, number)]
    assert names == sorted(names, key=str.lower)
    assert table.locator("[aria-sort]").count() == 1


def test_sorting_is_stable(page):
    table = page.locator("#costs table.sortable")
    first = sort(table, "fit CPU s")
    second = sort(table, "data set")
    groups = {}
    for (name, _), (_, value) in zip(column(table, second), column(table, first), strict=True):
        groups.setdefault(name, []).append(value)
    assert len(groups) == 2
    assert all(values == sorted(values) for values in groups.values())


def test_a_sorted_number_is_the_number_of_the_records(page, results):
    records = results.records()
    table = page.locator("section[data-dataset='quintic'] table.sortable")
    titles = [text.strip() for text in table.locator("thead th").all_inner_texts()]
    for metric in ("nll", "rmse", "crps"):
        clean = records[
            (records["dataset"] == "quintic") & (records["stress"] == "none")
            & (records["metric"] == metric) & (records["status"] == "ok")
        ]  # fmt: skip
        means = clean.groupby("method")["value"].mean()
        for row in table.locator("tbody tr[data-method]").all():
            cell = row.locator("td").nth(titles.index(metric))
            shown = float(cell.get_attribute("data-value"))
            # A mean of three values summed in another order: a few units in the last place.
            assert math.isclose(shown, means[row.get_attribute("data-method")], rel_tol=1e-15 * 4)


def test_filters_act_on_tables_cards_and_sections(page):
    rows = page.locator("table.sortable tbody tr")
    planned = rows.count()
    page.get_by_label("Method", exact=True).fill("ridge")
    shown = page.locator("table.sortable tbody tr[data-method]:not([hidden])")
    methods = {row.get_attribute("data-method") for row in shown.all()}
    assert methods == {"bayesian_ridge"}
    assert page.locator("article.card:visible").count() == 1
    page.get_by_label("Data set", exact=True).fill("QUINTIC")
    assert page.locator("section[data-dataset]:visible").count() == 1
    said = page.locator("#found").inner_text()
    count = int(re.match(r"(\d+) of (\d+) rows shown", said)[1])
    assert 0 < count < planned
    page.get_by_label("Method", exact=True).fill("ridge, deep_ensemble[epochs=2]")
    assert page.locator("article.card:visible").count() == 2
    page.get_by_role("button", name="Show all").click()
    assert page.locator("[data-method][hidden], [data-dataset][hidden]").count() == 0
    assert page.locator("#found").inner_text() == ""


def test_a_filter_that_nothing_matches_leaves_no_row(page):
    page.get_by_label("Method", exact=True).fill("no such method")
    assert page.locator("table.sortable tbody tr[data-method]:visible").count() == 0
    assert page.locator("table.sortable tbody tr:visible").all_inner_texts() == [
        row.inner_text() for row in page.locator("tr", has_text="limit of the truth").all()
    ]


def paper(page):
    """Luminance of the ground, from 0, black, to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


def ink_of_figures(page):
    """Luminance of the text in figures, by its colour."""
    colour = page.evaluate("getComputedStyle(document.querySelector('.picture svg text')).fill")
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_and_its_figures_follow_the_system_and_then_the_reader(opened, scheme):
    page = opened(color_scheme=scheme).page
    button = page.get_by_role("button", name="Dark")
    dark = scheme == "dark"
    for wanted in (dark, not dark, dark):
        assert button.get_attribute("aria-pressed") == str(wanted).lower()
        assert (paper(page) < 60) == wanted
        assert abs(ink_of_figures(page) - paper(page)) > 120
        button.click()


def test_what_the_reader_chose_is_remembered(page):
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert paper(page) < 60


def test_the_toggle_works_without_storage(opened):
    forbidden = (
        "Object.defineProperty(window, 'localStorage', "
        "{ get() { throw new DOMException('forbidden', 'SecurityError'); } })"
    )
    found = opened(color_scheme="light", before=forbidden)
    found.page.get_by_role("button", name="Dark").click()
    assert paper(found.page) < 60
    assert found.said == []


def test_without_a_script_everything_is_there_and_no_control_is(opened):
    page = opened(java_script_enabled=False).page
    assert page.locator("#controls").is_hidden()
    assert page.get_by_role("button").count() == 0
    assert page.locator("#costs table tbody tr").count() > 3


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_never_scrolls_sideways_and_wide_tables_say_that_they_do(opened, width):
    page = opened(viewport={**PHONE, "width": width}).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    wide = page.evaluate(
        """Array.from(document.querySelectorAll('.scroll')).map(r =>
             [r.scrollWidth > r.clientWidth + 1, 'more' in r.dataset, r.tabIndex === 0])"""
    )
    assert all(overflows == hinted == focusable for overflows, hinted, focusable in wide)
    if width == 390:
        assert any(overflows for overflows, _, _ in wide)
        hint = "getComputedStyle(document.querySelector('.scroll[data-more]'), '::before').content"
        assert "scroll sideways" in page.evaluate(hint)


def focused(page):
    """A few words on what has the focus."""
    return page.evaluate("(document.activeElement.id || document.activeElement.textContent).trim()")


def test_the_keyboard_reaches_and_works_the_controls(page, address):
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the answer"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert focused(page) == "answer"
    page.goto(address)  # from the top again
    reached = []
    while "theme" not in reached and len(reached) < 40:
        page.keyboard.press("Tab")
        reached.append(focused(page))
    assert reached[-4:] == ["filter-method", "filter-dataset", "clear", "theme"]
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    before = paper(page)
    page.keyboard.press("Enter")
    assert paper(page) != before
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.locator("[aria-sort='ascending']").count() == 1


def test_wide_tables_scroll_by_the_keyboard(opened):
    page = opened(viewport=PHONE).page
    region = page.locator(".scroll[data-more]").first
    region.focus()
    assert region.get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)  # it scrolls smoothly
    assert region.evaluate("region => region.scrollLeft") > 0


def test_hostile_names_are_text(opened, results):
    found = opened()
    hostile = next(name for name in results.records()["dataset"].unique() if "script" in name)
    assert found.page.locator("h2", has_text=hostile).count() == 1
    assert found.page.locator("img, iframe, object, embed").count() == 0
    assert found.page.locator("script").count() == 1
    assert found.said == []


def test_pictures_have_words(page):
    for picture in page.locator(".picture").all():
        assert len(picture.get_attribute("aria-label")) > 20
    assert page.locator("svg").count() == page.locator("[role=img] svg").count()


def test_the_page_prints_with_everything_open_and_no_controls(page):
    closed = page.locator("details:not([open])").count()
    assert closed > 0
    data = page.pdf(format="A4")
    # Each page is an object of its own in the file.
    assert len(re.findall(rb"/Type\s*/Page\b", data)) > 3
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator("#controls").is_hidden()
    assert page.locator("nav").is_hidden()
    page.set_viewport_size(
        {"width": 687, "height": 1000}
    )  # A4 less the margins, at 96 dots an inch
    widths = (
        "Array.from(document.querySelectorAll('svg, table, pre'))"
        ".map(element => element.getBoundingClientRect().right)"
    )
    assert max(page.evaluate(widths)) <= 687
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(opened, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    # Axe reads colours of frames that it makes, which the page's policy forbids.
    page = opened(color_scheme=scheme, viewport={**PHONE, "width": width}, bypass_csp=True).page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    page.wait_for_timeout(300)
    found = axe.Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
