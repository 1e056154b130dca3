"""The page as a whole: what it holds, what it publishes, and what it asks of others: nothing."""

import pytest

from studio.build import build_studio, launch_settings


@pytest.fixture
def page(workspace, library):
    return build_studio(workspace, library)


def config_of(page) -> dict:
    return page.get_config_file()


def test_there_is_a_tab_for_each_stage_in_the_order_of_work(page):
    tabs = [each for each in config_of(page)["components"] if each["type"] == "tabitem"]
    names = [each["props"]["label"] for each in tabs]
    assert names == ["Concerts", "Segment", "Captions", "Train", "Play"]


def test_only_generate_and_clips_are_published(page):
    public = [
        each["api_name"]
        for each in config_of(page)["dependencies"]
        if each["api_visibility"] == "public"
    ]
    assert sorted(public) == ["clips", "generate"]


def test_no_login_is_offered_at_home(page):
    assert "loginbutton" not in {each["type"] for each in config_of(page)["components"]}


def test_nothing_of_the_page_comes_from_elsewhere(workspace, library):
    settings = launch_settings(workspace, library)
    theme = settings["theme"]
    assert "://" not in settings["css"]
    assert "://" not in "".join(map(str, theme._stylesheets))
    assert "://" not in theme._get_theme_css().replace("http://www.w3.org", "")


def test_the_workspace_is_not_opened_to_the_page(workspace, library):
    settings = launch_settings(workspace, library)
    assert "allowed_paths" not in settings
    assert settings["run_history"] is False
    assert settings["ssr_mode"] is False


def test_the_page_is_built_again_and_again_over_one_workspace(workspace, library):
    build_studio(workspace, library)
    build_studio(workspace, library)
