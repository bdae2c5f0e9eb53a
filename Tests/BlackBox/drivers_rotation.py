"""The steps about rotation: what several callers with one refresh token get, and when an old one is theft.

drivers_silence.py has those for which time has to pass.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from drivers_browser import Browser
from drivers_releases import Feature
from drivers_suite import THEFT, UNAUTHORISED, Suite

PARALLEL = 16


class Rotation(Suite):
    """A core as it comes: all who present a token in its window get one child, and the core ends a stolen session."""

    theft_trail: list[tuple[str, str | None]] = [("reuse_detected", "theft")]
    """What the core's audit trail tells of a theft, and who ended the session."""
    lives = 2
    """How many rotations make a token theft, however soon it comes back; here the predecessor is forgiven for a while."""

    def theft_refusal(self) -> tuple[int, str]:
        """What a thief is told."""
        return THEFT

    def ends(self, handle: str) -> list[tuple[str, str | None]]:
        """What the audit trail tells of the end of a session."""
        told = [(record["event"], record["details"].get("by")) for record in self.application.trail(handle)]
        return [each for each in told if each[0] in ("reuse_detected", "revoked")]

    def chain(self) -> None:
        """Refresh tokens can be refreshed one after the other without any use of the access tokens."""
        browser, _, handle = self.signed_in()
        thief = browser.copy()
        self.equal("four refreshes in a row", [browser.refresh().status for _ in range(4)], [200] * 4)
        self.equal("the last access token is good", browser.me().json.get("handle"), handle)
        self.equal("the first refresh token is theft", thief.refresh().refusal, self.theft_refusal())
        self.equal("the trail of the chain's end", self.ends(handle), self.theft_trail)

    def lost_reply(self) -> None:
        """A refresh whose reply was lost may be repeated, even if it arrives after the new tokens were used."""
        browser, _, handle = self.signed_in()
        lost, late = browser.copy(), browser.copy()
        self.equal("refresh with a lost reply", lost.refresh().status, 200)
        self.equal("the same token refreshes again", browser.refresh().status, 200)
        self.check_children("the repetition", [lost, browser])
        self.equal("the session goes on", browser.me().json.get("handle"), handle)
        self.check_late(handle, late, browser)

    def check_late(self, handle: str, late: Browser, owner: Browser) -> None:
        """Who comes late, but in the window, is given what the others were given, and nobody is accused."""
        self.equal("a late repetition refreshes", late.refresh().status, 200)
        self.equal("it is given the owner's token", late.tokens.refresh, owner.tokens.refresh)
        self.equal("its access token is good", late.me().json.get("handle"), handle)
        self.equal("the owner's is too", owner.me().json.get("handle"), handle)
        self.equal("nobody is accused", self.ends(handle), [])

    def parallel(self) -> None:
        """Many refreshes of one token at once all succeed; afterwards the old token is theft."""
        browser, user, handle = self.signed_in()
        old, tabs = browser.copy(), [browser.copy() for _ in range(PARALLEL)]
        gate = Barrier(PARALLEL)

        def refreshed(tab: Browser) -> int:
            gate.wait(timeout=30)
            return tab.refresh().status

        with ThreadPoolExecutor(PARALLEL) as pool:
            self.equal("parallel refreshes all succeed", list(pool.map(refreshed, tabs)), [200] * PARALLEL)
        self.check_children("the tabs", tabs)
        self.equal("no theft so far", self.ends(handle), [])
        chosen, other = self.dice.sample(tabs, 2)
        self.equal("one tab uses its tokens", chosen.me().json.get("handle"), handle)
        self.check_other(handle, chosen, other, old)
        self.equal("which ends the session", [each.refresh().refusal for each in (chosen, other, old)],
                   [UNAUTHORISED] * 3)
        self.equal("the trail of the end", self.ends(handle), self.theft_trail)
        self.equal("nothing is listed", browser.handles(user), [])

    def check_children(self, name: str, browsers: list[Browser]) -> None:
        """Children of one token are one."""
        self.equal(f"{name} got one token", len({each.tokens.refresh for each in browsers}), 1)

    def check_other(self, handle: str, chosen: Browser, other: Browser, old: Browser) -> None:
        """The other tab goes on too, because there is one chain, until a token of the generation before comes back."""
        self.check_late(handle, old.copy(), chosen)
        self.equal("another tab refreshes", other.refresh().status, 200)
        self.equal("and so does the first", chosen.refresh().status, 200)
        self.check_children("both tabs", [chosen, other])
        self.equal("each tab's access token is good", [each.me().json.get("handle") for each in (chosen, other)],
                   [handle] * 2)
        self.equal("still no theft", self.ends(handle), [])
        self.equal("the old token is theft", old.refresh().refusal, self.theft_refusal())

    def theft(self) -> None:
        """An old token that comes back after newer ones were used ends the session."""
        browser, user, handle = self.signed_in()
        thief = browser.copy()
        for turn in range(1, self.lives + 1):
            self.equal(f"refresh {turn} before the theft", browser.refresh().status, 200)
            self.equal(f"the new tokens of refresh {turn} are used", browser.me().status, 200)
        page = thief.refresh()
        self.equal("the old refresh token is theft", page.refusal, self.theft_refusal())
        if self.theft_refusal() != THEFT:  # there was nothing left for the handler to revoke
            told = {"message": "noted theft", "handle": handle, "userId": user, "revoked": False}
            self.equal("the application's handler was told whose session it is", page.json, told)
        self.check("theft takes the thief's tokens", not thief.tokens.access and not thief.tokens.refresh)
        self.equal("theft revokes the session", browser.information(handle), {"found": False})
        self.equal("the user's list is empty", browser.handles(user), [])
        if self.has(Feature.CHECK):
            self.equal("the owner is signed out too", browser.checked().status, 401)
        self.equal("the owner cannot refresh", browser.refresh().refusal, UNAUTHORISED)
        self.equal("the trail of the theft", self.ends(handle), self.theft_trail)


class StrictRotation(Rotation):
    """A core that forgives nobody: without window and silence a used-up token is theft at once."""

    lives = 1


class RandomRotation(StrictRotation):
    """A core that is told to do as SuperTokens' own: children are rivals, and the SDK ends a stolen session."""

    theft_trail = [("reuse_detected", None), ("revoked", "user")]

    def check_late(self, handle: str, late: Browser, owner: Browser) -> None:
        """Who comes after the first use is a thief."""
        self.equal("a late repetition is theft", late.refresh().refusal, self.theft_refusal())
        self.equal("which the owner pays for", owner.refresh().refusal, UNAUTHORISED)
        self.equal("the trail of a late repetition", self.ends(handle), self.theft_trail)

    def check_children(self, name: str, browsers: list[Browser]) -> None:
        """Each child is another one."""
        self.equal(f"{name} got a token each", len({each.tokens.refresh for each in browsers}), len(browsers))

    def check_other(self, handle: str, chosen: Browser, other: Browser, old: Browser) -> None:
        """The child that was used first stays; its sibling is theft."""
        self.equal("the child that was used refreshes", chosen.refresh().status, 200)
        self.equal("and its child is used", chosen.me().json.get("handle"), handle)
        self.equal("a sibling's refresh is theft", other.refresh().refusal, self.theft_refusal())
