"""The steps about rotation: what several callers with one refresh token get, and when an old one is theft.

drivers_silence.py has those for which time has to pass.
"""

from __future__ import annotations

from threading import Barrier

from drivers_browser import Browser
from drivers_releases import Feature
from drivers_suite import THEFT, UNAUTHORISED, Suite
from harness import together

PARALLEL = 16


class Rotation(Suite):
    """A core as it comes: all who present a token in its window get one child, and the core ends a stolen session."""

    theft_trail: list[tuple[str, str | None]] = [("reuse_detected", "reuse")]
    """What the core's audit log tells of a theft, and who ended the session."""
    lives = 2
    """How many rotations make a token theft, however soon it comes back; here the predecessor is forgiven for a while."""

    def theft_refusal(self) -> tuple[int, str]:
        """What a thief is told."""
        return THEFT

    def ends(self, handle: str) -> list[tuple[str, str | None]]:
        """What the audit log tells of the end of a session."""
        told = [(record["event"], record.get("means")) for record in self.application.trail(handle)]
        return [each for each in told if each[0] in ("reuse_detected", "revoked")]

    def chain(self) -> None:
        """Refresh tokens can be refreshed one after the other without any use of the access tokens."""
        browser, _, handle = self.signed_in()
        thief = browser.copy()
        assert [browser.refresh().status for _ in range(4)] == [200] * 4, "four refreshes in a row"
        assert browser.me().json.get("handle") == handle, "the last access token is good"
        assert thief.refresh().refusal == self.theft_refusal(), "the first refresh token is theft"
        assert self.ends(handle) == self.theft_trail, "the audit log of the chain's end"

    def lost_reply(self) -> None:
        """A refresh whose reply was lost may be repeated, even if it arrives after the new tokens were used."""
        browser, _, handle = self.signed_in()
        lost, late = browser.copy(), browser.copy()
        assert lost.refresh().status == 200, "refresh with a lost reply"
        assert browser.refresh().status == 200, "the same token refreshes again"
        self.check_children("the repetition", [lost, browser])
        assert browser.me().json.get("handle") == handle, "the session goes on"
        self.check_late(handle, late, browser)

    def check_late(self, handle: str, late: Browser, owner: Browser) -> None:
        """Who comes late, but in the window, is given what the others were given, and nobody is accused."""
        assert late.refresh().status == 200, "a late repetition refreshes"
        assert late.tokens.refresh == owner.tokens.refresh, "it is given the owner's token"
        assert late.me().json.get("handle") == handle, "its access token is good"
        assert owner.me().json.get("handle") == handle, "the owner's is too"
        assert self.ends(handle) == [], "nobody is accused"

    @staticmethod
    def refreshed(tabs: list[Browser]) -> list[int]:
        """What all are answered who refresh at one moment."""
        gate = Barrier(len(tabs))
        return [page.status for page in together(*(lambda tab=tab: (gate.wait(30), tab.refresh())[1] for tab in tabs))]

    def parallel(self) -> None:
        """Many refreshes of one token at once all succeed; afterwards the old token is theft."""
        browser, user, handle = self.signed_in()
        old, tabs = browser.copy(), [browser.copy() for _ in range(PARALLEL)]
        assert self.refreshed(tabs) == [200] * PARALLEL, "parallel refreshes all succeed"
        self.check_children("the tabs", tabs)
        assert self.ends(handle) == [], "no theft so far"
        chosen, other = self.dice.sample(tabs, 2)
        assert chosen.me().json.get("handle") == handle, "one tab uses its tokens"
        self.check_other(handle, chosen, other, old)
        assert [each.refresh().refusal for each in (chosen, other, old)] == [UNAUTHORISED] * 3, "which ends the session"
        assert self.ends(handle) == self.theft_trail, "the audit log of the end"
        assert browser.handles(user) == [], "nothing is listed"

    def check_children(self, name: str, browsers: list[Browser]) -> None:
        """Children of one token are one."""
        assert len({each.tokens.refresh for each in browsers}) == 1, f"{name} got one token"

    def check_other(self, handle: str, chosen: Browser, other: Browser, old: Browser) -> None:
        """The other tab goes on too, because there is one chain, until a token of the generation before comes back."""
        self.check_late(handle, old.copy(), chosen)
        assert other.refresh().status == 200, "another tab refreshes"
        assert chosen.refresh().status == 200, "and so does the first"
        self.check_children("both tabs", [chosen, other])
        assert [each.me().json.get("handle") for each in (chosen, other)] == [handle] * 2, (
            "each tab's access token is good")
        assert self.ends(handle) == [], "still no theft"
        assert old.refresh().refusal == self.theft_refusal(), "the old token is theft"

    def theft(self) -> None:
        """An old token that comes back after newer ones were used ends the session."""
        browser, user, handle = self.signed_in()
        thief = browser.copy()
        for turn in range(1, self.lives + 1):
            assert browser.refresh().status == 200, f"refresh {turn} before the theft"
            assert browser.me().status == 200, f"the new tokens of refresh {turn} are used"
        page = thief.refresh()
        assert page.refusal == self.theft_refusal(), "the old refresh token is theft"
        if self.theft_refusal() != THEFT:  # there was nothing left for the handler to revoke
            told = {"message": "noted theft", "handle": handle, "userId": user, "revoked": False}
            assert page.json == told, "the application's handler was told whose session it is"
        assert not thief.tokens.access and not thief.tokens.refresh, "theft takes the thief's tokens"
        assert browser.information(handle) == {"found": False}, "theft revokes the session"
        assert browser.handles(user) == [], "the user's list is empty"
        if self.has(Feature.CHECK):
            assert browser.checked().status == 401, "the owner is signed out too"
        assert browser.refresh().refusal == UNAUTHORISED, "the owner cannot refresh"
        assert self.ends(handle) == self.theft_trail, "the audit log of the theft"


class StrictRotation(Rotation):
    """A core that forgives nobody: without window and silence a used-up token is theft at once."""

    lives = 1


class RandomRotation(StrictRotation):
    """A core that is told to do as SuperTokens' own: children are rivals, and the SDK ends a stolen session."""

    theft_trail = [("reuse_detected", None), ("revoked", "handle")]

    def check_late(self, handle: str, late: Browser, owner: Browser) -> None:
        """Who comes after the first use is a thief."""
        assert late.refresh().refusal == self.theft_refusal(), "a late repetition is theft"
        assert owner.refresh().refusal == UNAUTHORISED, "which the owner pays for"
        assert self.ends(handle) == self.theft_trail, "the audit log of a late repetition"

    def check_children(self, name: str, browsers: list[Browser]) -> None:
        """Each child is another one."""
        assert len({each.tokens.refresh for each in browsers}) == len(browsers), f"{name} got a token each"

    def check_other(self, handle: str, chosen: Browser, other: Browser, old: Browser) -> None:
        """The child that was used first stays; its sibling is theft."""
        assert chosen.refresh().status == 200, "the child that was used refreshes"
        assert chosen.me().json.get("handle") == handle, "and its child is used"
        assert other.refresh().refusal == self.theft_refusal(), "a sibling's refresh is theft"
