"""The deliberate mistakes: each removes or bends one check of the engine's rotation, verification or revocation."""

from __future__ import annotations

from dataclasses import dataclass

ENGINE = "Sources/SessionEngine/Session"


@dataclass(frozen=True)
class Mutant:
    """A text that stands once in a file, and what is written in its place."""

    name: str
    file: str
    before: str
    after: str


def _refresh(name: str, before: str, after: str) -> Mutant:
    return Mutant(f"refresh: {name}", f"{ENGINE}/Refresh.swift", before, after)


def _verify(name: str, before: str, after: str) -> Mutant:
    return Mutant(f"verify: {name}", f"{ENGINE}/Verify.swift", before, after)


def _record(name: str, before: str, after: str) -> Mutant:
    return Mutant(f"record: {name}", f"{ENGINE}/SessionRecord.swift", before, after)


MUTANTS = [
    _refresh("anti-CSRF is compared the wrong way", "!expected.matches(presented.antiCSRFToken)",
             "expected.matches(presented.antiCSRFToken)"),
    _refresh("an ended session is refreshed", "guard let record, !record.isExpired(at: now) else",
             "guard let record else"),
    _refresh("the payload is not checked",
             "guard rules.format.accepts(next.accessTokenPayload) else { return Decided(.keep, .payloadRefused) }", ""),
    _refresh("the kind of key is forgotten", "rules.signingKeyKind ?? next.signingKeyKind",
             "rules.signingKeyKind ?? .dynamic"),
    _refresh("a rotation leaves no record", ".issueChild(next), audit: .refreshed(next, at: now))", ".issueChild(next))"),
    _refresh("a refresh shuts no window", "case (.current, .atFirstUse): return record.used(rules.succession)",
             "case (.current, .atFirstUse): return record"),
    _refresh("a child is not promoted",
             "return record.promoting(token, at: now, validity: validity, rules.succession)", "return record"),
    _refresh("a rotation at once keeps the record",
             "return record.rotating(from: token.stored, to: rules.child, at: now, validity: validity)", "return record"),
    _refresh("the parent may always come back",
             "record.isWindowOpen(at: now, gracePeriod: rules.gracePeriod) ? repeated(record, rules) : nil",
             "repeated(record, rules)"),
    _refresh("the parent may never come back",
             "record.isWindowOpen(at: now, gracePeriod: rules.gracePeriod) ? repeated(record, rules) : nil", "nil"),
    _refresh("a repeated child is always another",
             "if rules.child.stored == record.currentTokenHash { return record }", ""),
    _refresh("older drivers replace the child", "guard rules.rotation == .atOnce else { return nil }", ""),
    _refresh("a sibling is no reuse", "case (.childOfPrevious, _), (.neither, _): return nil",
             "case (.childOfPrevious, _): return record\n        case (.neither, _): return nil"),
    _refresh("an unknown token is no reuse", "case (.childOfPrevious, _), (.neither, _): return nil",
             "case (.childOfPrevious, _): return nil\n        case (.neither, _): return record"),
    _refresh("reuse does not end the session", "Decided(revokes ? .remove : .keep, .reuse(found), audit: event)",
             "Decided(.keep, .reuse(found), audit: event)"),
    _refresh("reuse always ends the session", "Decided(revokes ? .remove : .keep, .reuse(found), audit: event)",
             "Decided(.remove, .reuse(found), audit: event)"),
    _refresh("reuse leaves no record", "Decided(revokes ? .remove : .keep, .reuse(found), audit: event)",
             "Decided(revokes ? .remove : .keep, .reuse(found), audit: event.time == now ? nil : event)"),
    _refresh("5.6 leaves the session to the driver", "rules.revokesOnReuse || rules.rotation == .atOnce",
             "rules.revokesOnReuse"),
    _record("a session ends a millisecond late", "expiresAt <= now }", "expiresAt < now }"),
    _record("the parent of a token is not looked at",
            "if let parent, parent.stored == currentTokenHash { return .childOfCurrent }", ""),
    _record("a sibling is taken for a stranger", "return parent?.stored == previousTokenHash ? .childOfPrevious : .neither",
            "return .neither"),
    _record("the window stays open after the first use", "guard let rotatedAt, !isCurrentTokenUsed else",
            "guard let rotatedAt else"),
    _record("the grace ends a millisecond early", "return now <= rotatedAt + gracePeriod",
            "return now < rotatedAt + gracePeriod"),
    _record("the grace never ends", "return now <= rotatedAt + gracePeriod", "return now >= rotatedAt"),
    _record("a use is not remembered",
            "isCurrentTokenUsed || (previousTokenHash != nil && succession == .deterministic)", "isCurrentTokenUsed"),
    _record("random children shut the window too", "previousTokenHash != nil && succession == .deterministic",
            "previousTokenHash != nil"),
    _record("a rotation forgets the previous token", "record.previousTokenHash = previous\n", ""),
    _record("a rotation forgets its time", "record.rotatedAt = now\n", ""),
    _record("a rotation keeps the use", "record.isCurrentTokenUsed = false\n", ""),
    _record("a rotation is not counted", "record.generation += 1\n", ""),
    _record("a rotation gives no new life", "record.expiresAt = now + validity\n", ""),
    _verify("an expired token is good", "if claims.isExpired(at: now) { throw .expired }", ""),
    _verify("the anti-CSRF token is asked for when it is not", "guard checksAntiCSRF else", "guard !checksAntiCSRF else"),
    _verify("a token without an anti-CSRF token passes",
            "guard let expected = claims.antiCSRFToken else { throw .antiCSRFMissing }",
            "guard let expected = claims.antiCSRFToken else { return }"),
    _verify("storage is not asked", "rules.checksDatabase || (claims", "(claims"),
    _verify("a child's first use is not looked up",
            "rules.checksDatabase || (claims.parentRefreshTokenHash != nil && !rules.isReadOnly)", "rules.checksDatabase"),
    _verify("an ended session is good", "guard let record, !record.isExpired(at: now) else",
            "guard let record else"),
    _verify("a changed payload is not seen", "rules.checksDatabase && !record.accessTokenPayload.means(claims.userData)",
            "false"),
    _verify("a rotated-out token is good at 5.6", "lineage == .neither ? .rotatedOut : .valid(newerPayload: payloadChanged)",
            ".valid(newerPayload: payloadChanged)"),
    _verify("a verification shuts no window", "case .current: next = record.used(rules.succession)", "case .current: break"),
    _verify("a first use leaves no record", ".renew(next), audit: .refreshed(next, at: now))", ".renew(next))"),
    _verify("the payload is not checked",
            "guard claims.format.accepts(next.accessTokenPayload) else { return Decided(.keep, .payloadRefused) }", ""),
    Mutant("data: an ended session is changed", f"{ENGINE}/DataUpdates.swift",
           "guard let record, !record.isExpired(at: now) else", "guard let record else"),
    Mutant("data: a change leaves no record", f"{ENGINE}/DataUpdates.swift", ".updated(next), audit: event)",
           ".updated(next), audit: event.time == now ? nil : event)"),
    Mutant("revoke: one session leaves no record", "Sources/SessionService/SessionService+Data.swift",
           "storage.remove(.handles(handles), audit: revocation)", "storage.remove(.handles(handles), audit: handles.isEmpty ? revocation : nil)"),
    Mutant("revoke: all sessions of a user means none that has ended yet", "Sources/SessionService/SessionService+Data.swift",
           ".user(user, tenant: tenant, liveAt: now), audit:", ".user(user, tenant: .public, liveAt: now), audit:"),
]
