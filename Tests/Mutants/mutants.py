"""The deliberate mistakes: each removes or bends one check of rotation, verification, restore or revocation.

F1 to F15 are the planted flaws of docs/decisions/0019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A text that stands once in a file, and what is written in its place."""

    name: str
    file: str
    before: str
    after: str
    equivalent: str = ""
    """Why no test can tell it from the original, where none can."""


def _of(area: str, file: str) -> Callable[..., Mutant]:
    """What makes the mutants of a file."""
    def make(name: str, before: str, after: str, equivalent: str = "") -> Mutant:
        return Mutant(f"{area}: {name}", f"Sources/{file}", before, after, equivalent)

    return make


_refresh = _of("refresh", "SessionEngine/Session/Refresh+Decision.swift")
_record = _of("record", "SessionEngine/Session/SessionRecord+Rotation.swift")
_session = _of("record", "SessionEngine/Session/SessionRecord.swift")
_limits = _of("limits", "SessionEngine/Session/SessionLimits.swift")
_step = _of("step-up", "SessionEngine/Session/StepUp.swift")
_upgrade = _of("upgrade", "SessionEngine/Session/Upgrade.swift")
_upgrading = _of("upgrade", "SessionService/SessionManager+Upgrade.swift")
_impersonation = _of("impersonation", "SessionEngine/Session/Impersonation.swift")
_requests = _of("impersonation", "SessionEngine/Exchange/SessionRequests.swift")
_anonymous = _of("anonymous", "SessionEngine/Values/UserID+Anonymous.swift")
_audit = _of("audit", "SessionEngine/Audit/AuditEvent.swift")
_device = _of("device", "SessionEngine/Session/SessionDevice.swift")
_naming = _of("device", "SessionEngine/Session/DeviceNaming.swift")
_facts = _of("device", "SessionEngine/Session/ClientFacts.swift")
_devices = _of("device", "SessionService/SessionManager+Devices.swift")
_feed = _of("feed", "SessionService/Feed/FeedSource.swift")
_feed_list = _of("feed", "SessionService/Feed/FeedList.swift")
_feed_marks = _of("feed", "SessionService/Feed/FeedMarks.swift")
_token_life = _of("feed", "SessionService/Feed/TokenLife.swift")
_noted = _of("feed", "InMemoryStorage/InMemoryRevocations.swift")
_news = _of("events", "SessionEngine/Events/SecurityEvent.swift")
_event_token = _of("events", "SessionEngine/Events/EventToken.swift")
_event_order = _of("events", "SessionEngine/Events/EventOrder.swift")
_event_verdict = _of("events", "SessionEngine/Events/DeliveryVerdict.swift")
_event_poll = _of("events", "SessionEngine/Events/PollRequest.swift")
_delivery = _of("events", "SessionService/Events/StreamDelivery.swift")
_polls = _of("events", "SessionService/Events/EventPolls.swift")
_admission = _of("limit of sessions", "SessionStorage/SessionLimit.swift")
_memory = _of("storage in memory", "InMemoryStorage/InMemorySessionStorage.swift")
_sharing = _of("sharing", "SessionEngine/Session/SharingState.swift")
_count = _of("count", "SessionEngine/Session/RotationCount.swift")
_derivation = _of("derivation", "SessionEngine/RefreshToken/RefreshTokenKey+Successor.swift")
_sealed = _of("refresh token", "SessionEngine/RefreshToken/RefreshTokenKey.swift")
_access = _of("access token", "SessionEngine/AccessToken/UnverifiedAccessToken.swift")
_proof = _of("proof", "SessionEngine/Binding/PresentedProof.swift")
_jwt = _of("proof", "SessionEngine/Binding/DPoPProof.swift")
_signed = _of("proof", "SessionEngine/Binding/SignedProof.swift")
_token_revocation = _of("token revocation", "SessionEngine/Session/TokenRevocation.swift")
_device_proof = _of("device proof", "SessionEngine/Binding/DeviceProof.swift")
_device_note = _of("device note", "SessionEngine/Binding/DeviceNote.swift")
_device_binding = _of("device binding", "SessionEngine/Binding/DeviceBinding.swift")
_device_evidence = _of("device binding", "SessionEngine/Binding/DeviceEvidence.swift")
_device_service = _of("device binding", "SessionService/SessionManager+DeviceBinding.swift")
_nonce = _of("proof", "SessionEngine/Binding/ProofNonce.swift")
_binding = _of("proof", "SessionService/SessionManager+Binding.swift")
_finding = _of("feed reader", "RevocationFeed/FeedFinding.swift")
_reader_state = _of("feed reader", "RevocationFeed/FeedState.swift")
_reader_verdict = _of("feed reader", "RevocationFeed/FeedVerdict.swift")
_reader_questions = _of("feed reader", "RevocationFeed/FeedQuestions.swift")
_reader_shard = _of("feed reader", "RevocationFeed/RevocationShard.swift")
_reader_wire = _of("feed reader", "RevocationFeed/FeedPage.swift")
_follower = _of("feed reader", "RevocationFeed/FeedFollower.swift")
_edge_request = _of("sidecar", "EdgeVerdicts/EdgeRequest.swift")
_edge_verdict = _of("sidecar", "EdgeVerdicts/EdgeVerdict.swift")
_edge_reply = _of("sidecar", "EdgeVerdicts/EdgeReply.swift")
_edge_verifier = _of("sidecar", "EdgeVerdicts/EdgeVerifier.swift")
_edge_members = _of("sidecar", "EdgeVerdicts/IntrospectionMembers.swift")
_key_cache = _of("sidecar", "EdgeVerdicts/Keys/KeySetCache.swift")
_origin_rule = _of("sidecar", "SessionEngine/Exchange/OriginRule.swift")
_client_refresh = _of("client", "TesseraClient/Client/SessionClient+Refresh.swift")
_client_proofs = _of("client", "TesseraClient/Client/SessionClient+Proofs.swift")
_client_tokens = _of("client", "TesseraClient/Client/SessionClient+Tokens.swift")
_client_requests = _of("client", "TesseraClient/Client/SessionClient+Requests.swift")
_client_sign_out = _of("client", "TesseraClient/Client/SessionClient+SignOut.swift")
_client_table = _of("client", "TesseraClient/Refresh/RefreshVerdict.swift")
_client_retry = _of("client", "TesseraClient/Refresh/RetryState.swift")
_client_record = _of("client", "TesseraClient/Store/StoredSession.swift")
_signatures = _of("signatures", "SessionEngine/Keys/VerifiedSignatures.swift")
_key = _of("signatures", "SessionEngine/Keys/VerificationKey.swift")
_verify = _of("verify", "SessionEngine/Session/Verify.swift")
_data = _of("data", "SessionEngine/Session/DataUpdate.swift")
_policy = _of("policy", "SessionService/SessionPolicy.swift")
_maker = _of("successors", "SessionService/SuccessorMaker.swift")
_service = _of("service", "SessionService/SessionManager.swift")
_refreshing = _of("service", "SessionService/SessionManager+Refresh.swift")
_verifying = _of("service", "SessionService/SessionManager+Verify.swift")
_revoking = _of("revoke", "SessionService/SessionManager+Data.swift")
_keys = _of("keys", "SessionEngine/Keys/KeyRing.swift")
_seal = _of("service", "SessionService/EncryptedKeyStore.swift")

REFRESH = [
    _refresh("anti-CSRF is compared the wrong way", "!expected.matches(presented.antiCSRFToken)",
             "expected.matches(presented.antiCSRFToken)"),
    _refresh("an ended session is refreshed", "guard let record, !record.isExpired(at: now, within: rules.terms) else", "guard let record else"),
    _refresh("the payload is not checked",
             "guard rules.format.accepts(next.accessTokenPayload), next.namesItsActor", "guard next.namesItsActor"),
    _refresh("the kind of key is forgotten", "rules.signingKeyKind ?? next.signingKeyKind",
             "rules.signingKeyKind ?? .dynamic"),
    _refresh("no token is shortened (F6)", "isShared ? .shortened : .whole",
             "isShared && next.expiresAt <= now ? .shortened : .whole"),
    _refresh("where 5.6 rotates after sharing, the next generation is whole (F7)",
             "next.isRecentlyShared || (rules.rotation == .atOnce && record.isRecentlyShared)", "next.isRecentlyShared"),
    _refresh("older drivers have one more generation shortened", "(rules.rotation == .atOnce && record.isRecentlyShared)",
             "record.isRecentlyShared"),
    _refresh("a window that opens is an event", "before.storedSharing = next.storedSharing",
             "before.storedSharing = record.storedSharing"),
    _refresh("a rotation leaves no record",
             "next == before ? nil : AuditEvent.refreshed(next, isRestored: isRestored, at: now)",
             "next != before && isRestored ? AuditEvent.refreshed(next, isRestored: true, at: now) : nil"),
    _refresh("a late predecessor is noted each time",
             "if record.sharing?.hasLatePredecessor == true { return Decision(.keep, .tooLate) }", ""),
    _refresh("reuse does not end the session", "Decision(revokes ? .remove : .keep, .reuse(found), audit: event)",
             "Decision(.keep, .reuse(found), audit: event)"),
    _refresh("reuse leaves no record", "Decision(revokes ? .remove : .keep, .reuse(found), audit: event)",
             "Decision(revokes ? .remove : .keep, .reuse(found), audit: event.time == now ? nil : event)"),
    _refresh("5.6 leaves the session to the driver", "rules.revokesOnReuse || rules.rotation == .atOnce",
             "rules.revokesOnReuse"),
    _refresh("older drivers never leave it to themselves", "rules.revokesOnReuse || rules.rotation == .atOnce",
             "rules.revokesOnReuse || rules.rotation == .atFirstUse"),
    _refresh("a successor is not promoted", "let promoted = promoted(record)", "let promoted = record"),
    _refresh("an orphan is forgiven (F14)", "case .successorOfPrevious: return .reuse(.orphan)",
             "case .successorOfPrevious: return previous(record)"),
    _refresh("an unknown token is no reuse", "case .unrelated: return unrelated(record)",
             "case .unrelated: return .issue(record, .fresh)"),
    _refresh("a repeat is not marked", "let marked = record.markedShared()", "let marked = record"),
    _refresh("a later window is not stored", "return .issue(exchanged(record.opening(window)), wanted)",
             "return .issue(exchanged(window.number == 0 ? record.opening(window) : record), wanted)"),
    _refresh("5.6 keeps the window, not its grace period", "repeatsUntil: now + rules.gracePeriod)",
             "repeatsUntil: now + rules.sharingWindow)"),
    _refresh("5.6 within a window marks nothing", "return .issue(isOpen ? next.markedShared() : next, wanted)",
             "return .issue(next, wanted)"),
    _refresh("no window stays open", "if last.isOpen(at: now, first: rules.sharingWindow) { return (last, true) }", ""),
    _refresh("windows have no number (F2)", "last.number < .max ? last.number + 1 : .max", "last.number"),
    _refresh("window 255 has a next one", "last.number < .max ? last.number + 1 : .max", "last.number + 1"),
    _refresh("a window of half a second is too short", "guard length >= Self.shortestWindow",
             "guard length > Self.shortestWindow"),
    _refresh("a window may be a millisecond long", "Milliseconds(500)", "Milliseconds(1)"),
    _refresh("a background refresh moves the end", "rules.isBackground ? record : record.active(at: now, within: rules.terms)",
             "record.active(at: now, within: rules.terms)"),
    _record("the first use of what a background task was given moves the end",
            "opened?.isBackground == true ? next : next.active", "opened == nil && issue.window != nil ? next : next.active"),
    _refresh("the end that is told is not stored", "isLimited ? rotated(record) : record", "isLimited ? record : record"),
    _refresh("a window opens as one of the foreground",
             "(SharingState.Window(openedAt: now, number: 0, isBackground: rules.isBackground), false)",
             "(SharingState.Window(openedAt: now, number: 0), false)"),
    _refresh("a user in a window of a background task is not noticed", "return exchanged(marked.inForeground())",
             "return marked"),
    _refresh("a token is born dead", "guard rules.leavesRoom(for: next, at: now) else { return Decision(.keep, .sessionNotActive) }",
             ""),
    _refresh("a retired token is reuse at once after a step-up",
             "if record.isWaitingAfterStepUp(for: lineage, at: now) { return .steppedUp }", ""),
    _refresh("a lost reply of a step-up is not answered again",
             "case .previous where record.isWaitingAfterStepUp(for: lineage, at: now): return repeated(record, stepUp)",
             "case .previous where record.isWaitingAfterStepUp(for: lineage, at: now): return .steppedUp"),
    _refresh("another level gets the answer of the first", "guard stepUp.isLast(of: record.traits), let hash",
             "guard let hash"),
    _refresh("a plain answer says that the level was reached", "case .issue: return .steppedUp",
             "case .issue(let next, let successor): return .issue(next, successor)"),
    _step("a factor alone begins a new term", "if isFull { next.authenticatedAt = now }", "next.authenticatedAt = now"),
    _step("a retired token waits for ever", "return now <= until", "return until <= until"),
    _upgrade("a user's session is upgraded",
             "guard record.traits.flags.contains(.anonymous) else { return Decision(.keep, .notAnonymous) }", ""),
    _upgrade("the user's own data gives way", "old.members + session.sessionData.members",
             "session.sessionData.members + old.members"),
    _upgrade("data is kept unasked", "guard keepsData, let old", "guard let old"),
    _upgrade("any repetition gets the session's tokens", "record.userID == session.userID && record.currentTokenHash == first.stored",
             "!first.stored.hex.isEmpty"),
    _upgrade("another level gets the answer of the first", "&& record.traits.level == session.level", ""),
    _upgrade("a repetition is answered for ever", "&& now - createdAt <= window", ""),
    _upgrade("the window ends a millisecond early", "now - createdAt <= window", "now - createdAt < window"),
    _upgrading("a token that was under way signs the user out",
               "return try await update(refreshTokenKey.upgradedHandle(of: handle, tenant: tenant)) { record, now in",
               "return try await update(handle) { record, now in"),
    _upgrading("the old session stays", "limit: policy.sessionLimit, replaced: other, predecessor: old",
               "limit: policy.sessionLimit, replaced: other, predecessor: nil"),
    _upgrading("the user's sessions are not counted", "limit: policy.sessionLimit, replaced: other", "replaced: other"),
    _refresh("a superseded token is upgraded",
             "(_, .proofRefused), (_, .reuse), (_, .newerThanSession),", "(_, .proofRefused), (_, .newerThanSession),"),
    _memory("a session that was changed is replaced", "state.session(predecessor.handle) != predecessor",
            "state.session(predecessor.handle) == nil"),
    _anonymous("any id is an anonymous one", "allSatisfy(Self.isDigit)", "allSatisfy { $0 != 0 }"),
    _limits("anonymous sessions live as long as any", "guard traits.flags.contains(.anonymous) else { return limits }",
            "guard traits.flags.isEmpty, traits.flags.contains(.anonymous) else { return limits }"),
    _requests("an impersonation has no end of its own", "limits.tightened(by: SessionLimits(absolute: impersonation.lifetime))",
              "limits.tightened(by: SessionLimits(idle: impersonation.lifetime))"),
    _requests("an impersonation is remembered", "flags: .impersonated, device", "flags: [.impersonated, .remembered], device"),
    _data("a change of the payload drops the actor", "payload.map(record.protectingActor) ?? record.accessTokenPayload",
          "payload ?? record.accessTokenPayload"),
    _refresh("a session without its actor gives tokens", ", next.namesItsActor else", " else"),
    _refresh("an impersonation is stepped up",
             "case .current where record.isImpersonated, .successorOfCurrent where record.isImpersonated: return .impersonated",
             ""),
    _impersonation("any session ends as an impersonation", "record.isImpersonated, !record.isExpired",
                   "!record.isExpired"),
    _impersonation("an application's own act is an actor", "guard isImpersonated else { return nil }", ""),
    _audit("entries do not name the actor", "guard let actor = record.actor else { return details }",
           "guard let actor = record.actor, details.isEmpty else { return details }"),
    _refresh("silent clients keep what was stored", "if next.traits.device != nil || !rules.client.isEmpty, next != record {",
             "if !rules.client.isEmpty, next != record {"),
    _refresh("what is said about a client is an event", "before.traits.device = next.traits.device", ""),
    _feed("nothing is looked at again", "by: overlap)", "by: overlap - overlap)"),
    _feed("only the last two seconds are looked at again", "round.isMultiple(of: 8)", "round < 0"),
    _feed("what was late at the first reading is lost", "list.number(before: FeedMarks.rowsInFlight)", "list.newest"),
    _feed("all is never read again", "now - sweptAt >= Self.fullInterval", "now < sweptAt"),
    _feed("another history is taken for the same", "if !isFirst { forget() }", "if isFirst { forget() }"),
    _feed("another history in the middle is a complete reading", "if noteHistory(of: page) { throw", "if noteHistory(of: page), sweptAt > now { throw"),
    _feed("a cursor of another history is taken", "let cursor, cursor.history == historyWord else", "let cursor else"),
    _feed("another core's place is taken for one's own", "if cursor.core == core {", "if cursor.core == core || true {"),
    _feed("another core's cursor has all up to the newest", "list.place(after: cursor.settled)", "list.end"),
    _feed("a failed reading is a reading", "catch { answerLoading(error) }", "catch { answerLoading(error); readAt = steady() }"),
    _feed("those who wait are not answered in time", "waiter.deadline <= now", "waiter.deadline < now && now < waiter.deadline"),
    _feed("any number may wait", "waiting.count < Self.mostWaiting, !isStopped", "!isStopped"),
    _feed("it is read for ever", "steady() - askedAt < Self.idleTime", "steady() >= askedAt"),
    _feed_list("an entry is dropped early", "entries[gone].isOld(at: now)", "entries[gone].isOld(at: now + .seconds(61))"),
    _feed_list("a key is new again each day", "if !entries[gone].isKey {", "if entries[gone].isKey || true {"),
    _feed_marks("a mark may be too young", "time - $0.time >= duration", "time - $0.time >= .zero"),
    _token_life("a shorter life counts at once", "guard let until else { return TokenLife(life, until: now + life) }",
                "guard let until else { return TokenLife(configured) }"),
    _token_life("a longer life never ends", "until <= now ? TokenLife(configured) : self", "until <= until ? self : self"),
    _noted("what has expired is noted", "!isExpired && !cutOffs.ended(record)", "!cutOffs.ended(record)"),
    _noted("the rows of a cut-off are noted again", "!isExpired && !cutOffs.ended(record)", "!isExpired"),
    _noted("keys are trimmed", "if case .key = record.subject { return false }", ""),
    _device("the first address follows", "firstAddress.flatMap(privacy.kept) ?? next.lastAddress", "next.lastAddress"),
    _device("a label turns the direction of a text", "case .format: scalar.value == 0x200d", "case .format: true"),
    _device("an agent is as long as it likes", "if count > most { break }", ""),
    _facts("a network becomes an address", "address == .prefix || isNetwork", "address == .prefix || !text.isEmpty && false && isNetwork"),
    _naming("anybody names a device", "users.contains(record.userID), !record.isExpired", "!record.isExpired"),
    _devices("a foreign session is kept, and all end", "guard let record = try await session(kept), users.contains(record.userID)",
             "guard try await session(kept) != nil, !users.isEmpty"),
    _devices("handles of others end", "if let record = try await storage.session(handle), users.contains(record.userID)",
             "if try await storage.session(handle) != nil, !users.isEmpty"),
    _devices("a page skips one", "Array(found.prefix(limit))", "Array(found.dropFirst(before == nil ? 0 : 1).prefix(limit))"),
    _admission("one more than allowed lives", "counted.count - limit.count + 1", "counted.count - limit.count"),
    _admission("the newest sessions end", "{ $0.rank(limit.action) < $1.rank(limit.action) }",
               "{ $0.rank(limit.action) > $1.rank(limit.action) }"),
    _admission("what is replaced is counted too", "$0.handle != replaced && Self.counts($0.flags)", "Self.counts($0.flags)"),
    _memory("sessions that are over count",
            "$0.userID == record.userID && !$0.isExpired(at: record.createdAt, within: admission.terms)",
            "$0.userID == record.userID"),
    _refresh("a successor that cannot be made ends the session", "Decision(.keep, .successorFailed)",
             "Decision(.remove, .successorFailed)"),
    _refresh("the repeats end a millisecond early", "now <= until {", "now < until {"),
    _refresh("whatever is current is repeated", "if hash.stored == record.currentTokenHash {", "if !hash.hex.isEmpty {"),
    _refresh("a late repeat is not marked",
             "if hash.stored == record.currentTokenHash { return .issue(record.markedShared(), wanted) }",
             "if hash.stored == record.currentTokenHash { return .issue(record, wanted) }"),
    _refresh("older drivers replace the successor", "if rules.rotation == .atOnce { return replacing(",
             "if rules.rotation == .atOnce || record.rotatedAt != nil { return replacing("),
    _refresh("without a silence its first moment is silent", "rules.silence > Milliseconds(0) && now", "now"),
    _refresh("the silence ends a millisecond early", "now - (record.rotatedAt ?? now) <= rules.silence",
             "now - (record.rotatedAt ?? now) < rules.silence"),
    _refresh("the silence never ends", "now - (record.rotatedAt ?? now) <= rules.silence", "record.rotatedAt != nil"),
    _refresh("the repeats last as long as the silence (F13b)", "return sharing.issue?.repeatsUntil }",
             "return sharing.issue?.repeatsUntil.map { $0 + rules.silence } }"),
    _refresh("another core's rotation is never forgiven",
             "return rules.rotation == .atOnce ? record.rotatedAt.map { $0 + rules.gracePeriod } : nil", "return nil"),
    _refresh("another core's rotation is forgiven to older drivers",
             "return rules.rotation == .atOnce ? record.rotatedAt.map { $0 + rules.gracePeriod } : nil",
             "return record.rotatedAt.map { $0 + rules.gracePeriod }"),
    _refresh("a successor that another core made current is not derived",
             "return .derived(window: 0, count: record.rotationCount.successor(restoreNumber: rules.restoreNumber))",
             "return .fresh"),
    _refresh("a replacement gets a grace period of its own", "SharingState.Issue(window: window, repeatsUntil: until)",
             "SharingState.Issue(window: window, repeatsUntil: now + rules.gracePeriod + (until - until))"),
    _refresh("a replacement marks nothing", "sharedAt: next.rotationCount)", "sharedAt: nil)"),
    _refresh("a replacement keeps the count", "(window, next.rotationCount) = (number, count)",
             "(window, next.rotationCount) = (number, max(count, 0) == count ? record.rotationCount : count)"),
]

# A token that is newer than its session, and SuperTokens' own rule.
RESTORE = [
    _refresh("successors after a restore are those of before",
             "let count = record.rotationCount.successor(restoreNumber: rules.restoreNumber)\n        let (window, isOpen)",
             "let count = record.rotationCount.successor()\n        let (window, isOpen)"),
    _refresh("a session that is older than its token goes on", "Decision(.remove, .newerThanSession,",
             "Decision(.keep, .newerThanSession,"),
    _refresh("who does not tell a count is accused after a restore", "return wasRestored ? .newerThanSession : .reuse(.stale) }",
             "return .reuse(.stale) }"),
    _refresh("one ahead is enough", "count > record.rotationCount.successor()", "count > record.rotationCount"),
    _refresh("what is ahead is reuse",
             "guard count > record.rotationCount.successor() else { return .reuse(.stale) }",
             "guard count > RotationCount(stored: .max) else { return .reuse(.stale) }"),
    _refresh("a token of this restore number is adopted", "guard wasRestored, count.restoreNumber < rules.restoreNumber,",
             "guard wasRestored,"),
    _refresh("a session of this restore number adopts", "guard wasRestored, count.restoreNumber < rules.restoreNumber,",
             "guard count.restoreNumber < rules.restoreNumber,",
             "a count that is ahead of the row's and of an older restore number says that the row is of an older one, too"),
    _refresh("sign-out after a restore is not heeded", ", rules.afterRestore == .adopt else", " else"),
    _refresh("adoption keeps the predecessor", "adopted.previousTokenHash = nil\n", ""),
    _refresh("adoption keeps the old count", "adopted.rotationCount = RotationCount(restoreNumber: rules.restoreNumber)\n", ""),
    _refresh("adoption gives no new life", "adopted = rotated(adopted)\n", ""),
    _refresh("adoption has no time", "adopted.rotatedAt = now\n", ""),
    _refresh("adoption derives also under RANDOM", "let move = rules.successorPolicy == .deterministic ? current(adopted) :",
             "let move = rules.restoreNumber > 0 ? current(adopted) :"),
    _refresh("adoption keeps the old state", "adopted.storedSharing = nil\n", "",
             "the state names the hash of the token that is not current any more, and is as good as none"),
    _refresh("adoption is an ordinary refresh", "return .adopt(next, successor)", "return .issue(next, successor)"),
    _refresh("RANDOM keeps the state", "return .issue(exchanged(marked(promoted.withoutSharing())), .fresh)",
             "return .issue(exchanged(marked(promoted)), .fresh)"),
    _refresh("RANDOM repeats a millisecond less", "now <= rotatedAt + rules.gracePeriod", "now < rotatedAt + rules.gracePeriod"),
    _refresh("RANDOM gives older drivers a grace period", "guard rules.rotation == .atOnce, let rotatedAt", "guard let rotatedAt"),
]

RECORD = [
    _limits("a session ends a millisecond late", "if expiresAt <= now { return true }", "if expiresAt < now { return true }"),
    _limits("the absolute limit ends a millisecond late", "authenticatedAt <= SessionTerms.floor",
            "authenticatedAt < SessionTerms.floor"),
    _limits("a shorter absolute limit waits for the next write", "return authenticatedAt <= SessionTerms",
            "return expiresAt <= now && authenticatedAt <= SessionTerms"),
    _limits("a session may loosen its limits", "return min(left, right)", "return max(left, right)"),
    _limits("remembered sessions have the limits of the others", "traits.flags.contains(.remembered) ? remembered : normal",
            "traits.flags.contains(.remembered) ? normal : normal"),
    _limits("access tokens outlast the idle limit", "return min(configured, max(.seconds(60),",
            "return max(configured, max(.seconds(60),"),
    _limits("the absolute limit is counted from now", "limits.absolute.map { min(idle, authenticatedAt + $0) } ?? idle",
            "limits.absolute.map { min(idle, now + $0) } ?? idle"),
    _limits("the reason is always idle", "return SessionExpiry(reason: .absolute,", "return SessionExpiry(reason: .idle,"),
    _session("the parent of a token is not looked at",
             "if parent == currentTokenHash { return .successorOfCurrent }", ""),
    _session("an orphan is taken for a stranger", "return parent == previousTokenHash ? .successorOfPrevious : .unrelated",
             "return .unrelated"),
    _record("the next generation is whole (F7)", "distance(from: sharedAt) <= 1", "distance(from: sharedAt) <= 0"),
    _record("two generations are shortened", "distance(from: sharedAt) <= 1", "distance(from: sharedAt) <= 2"),
    _record("a first token has a predecessor", "issue: rotatedAt == nil ? nil : unknown", "issue: unknown"),
    _record("windows go into the state of another core's predecessor (F10)", "var state = sharing ?? SharingState(",
            "var state = storedSharing ?? SharingState("),
    _record("after a second window the first one's caller is repeated (F5)", "$0.number == 0 && window > Milliseconds(0)",
            "window > Milliseconds(0)"),
    _record("a window of no length has a first moment", "$0.number == 0 && window > Milliseconds(0)", "$0.number == 0"),
    _record("the repeats count from the first use (F12)", "first.map { $0.openedAt + window }", "first.map { _ in now + window }"),
    _record("a rotation forgets the previous token", "record.previousTokenHash = previous\n", ""),
    _record("a rotation forgets its time", "record.rotatedAt = now\n", ""),
    _record("a rotation is not counted", "max(rotationCount.successor(), count ?? 0)", "max(rotationCount, count ?? 0)"),
    _record("a successor's own count is forgotten", "max(rotationCount.successor(), count ?? 0)", "rotationCount.successor()"),
    _refresh("a rotation gives no new life", "rules.isBackground ? record : record.active(at: now, within: rules.terms)",
             "record"),
    _record("a rotation forgets that it was shared", "issue: issue, sharedAt: sharing?.sharedAt)", "issue: issue, sharedAt: nil)"),
    _sharing("a window ends a millisecond early", "now - openedAt <= Self.length", "now - openedAt < Self.length"),
    _sharing("a clock that is set back closes the window (F11)", "now - openedAt <= Self.length",
             "now >= openedAt && now - openedAt <= Self.length"),
    _sharing("all windows are equally long", "length.count >> min(number, 62)", "length.count"),
    _sharing("the state belongs to any token (F10)", "hashPrefix == Self.prefix(of: token)", "!token.hex.isEmpty"),
    _sharing("storage forgets the late predecessor", '(hasLatePredecessor ? 1 : 0) |', '0 |'),
    _sharing("storage takes a first token for a rotated one", "issue: fields[3] == Self.none ? nil : issue,", "issue: issue,"),
    _sharing("storage forgets the sharing", "sharedAt: sharedAt.map(RotationCount.init(stored:))",
             "sharedAt: sharedAt.flatMap { _ in nil }"),
    _sharing("storage takes more fields than there are", "fields.count == 7", "fields.count >= 7"),
    _count("a count may be negative", "min(max(0, value), Self.largest)", "min(value, Self.largest)"),
    _count("a count may have restore number 255", "min(max(0, value), Self.largest)", "max(0, value)"),
    _count("rotations run over into the restore number", "rotations == .max ? self : RotationCount(stored: rawValue + 1)",
           "RotationCount(stored: rawValue + 1)"),
    _count("a restore does not lift the count", "next > first ? next : RotationCount(stored: first.rawValue + 1)",
           "next > first ? next : next"),
    _count("the restore number does not compare", "left.rawValue < right.rawValue", "left.rotations < right.rotations"),
]

TOKENS = [
    _derivation("the window is left out (F1)", "let name = [window] +", "let name = [UInt8(0)] +"),
    _derivation("the restore number is left out", "truncatingIfNeeded: count.rawValue >> (32 - 8 * $0))",
                "truncatingIfNeeded: Int64(count.rotations) >> (32 - 8 * $0))"),
    _derivation("window and count are told and not sealed (F15)", "[parent.hex, Hex.encode(name), hasAntiCSRF",
                "[parent.hex, hasAntiCSRF"),
    _derivation("the anti-CSRF token makes no other nonce", 'hasAntiCSRF ? "1" : "0"]', '"1"]'),
    _derivation("the successor never has an anti-CSRF token",
                "usesAntiCSRF ? antiCSRFToken(ofSuccessorOf: hash, name) : nil", "nil"),
    _derivation("one vector for all", "[Hex.encode(SHA256.hash(data: plaintext))]", "[Hex.encode(plaintext.prefix(0))]"),
    _derivation("a count is believed", "content.nonce == nonce(ofSuccessorOf: parent, name, hasAntiCSRF: content.antiCSRFToken != nil)",
                "name.count == Self.plainLength, !parent.hex.isEmpty"),
    _sealed("any version is opened", "version.elementsEqual(Self.version.utf8)", 'version.first == UInt8(ascii: "V")'),
    _access("what an application had signed is an access token", "guard isMarked else { throw .headerLacks(.version) }", ""),
    _access("what an application had signed is a session's token", "guard isMarked else { return false }", ""),
]

VERIFY = [
    _verify("an expired token is good", "if claims.isExpired(at: now) { throw .expired }", ""),
    _verify("the anti-CSRF token is asked for when it is not", "guard checksAntiCSRF, usesAntiCSRF else", "guard !checksAntiCSRF, usesAntiCSRF else"),
    _verify("a token without an anti-CSRF token passes",
            "guard let expected = claims.antiCSRFToken else { throw .antiCSRFMissing }",
            "guard let expected = claims.antiCSRFToken else { return }"),
    _verify("storage is not asked", "rules.checksDatabase || (claims", "(claims"),
    _verify("a first use is not looked up",
            "rules.checksDatabase || (claims.parentRefreshTokenHash != nil && rules.rotation == .atFirstUse)", "rules.checksDatabase"),
    _verify("an ended session is good", "guard let record, !record.isExpired(at: now, within: rules.terms) else", "guard let record else"),
    _verify("a changed payload is not seen", "rules.checksDatabase && isChanged(record, claims, rules)", "false"),
    _verify("a rotated-out token is good at 5.6", "? .newerThanSession : .superseded)",
            "? .newerThanSession : .valid(newerPayload: payloadChanged))"),
    _verify("a token that is newer than a restored session is rotated out",
            "isNewer(claims, than: record, rules) ? .newerThanSession : .superseded", ".superseded"),
    _verify("without a restore a token may be newer", "record.rotationCount.restoreNumber < rules.restoreNumber\n            && ", ""),
    _verify("newer is what came after sign-in", "claims.issuedAt > record.rotatedAt ?? record.createdAt",
            "claims.issuedAt > record.createdAt"),
    _verify("a verification promotes nothing", "next = record.promoting(",
            "next = record.expiresAt > now ? record : record.promoting("),
    _verify("a rotated-out token is given a new life", "lifetime = .unchanged\n", "if !payloadChanged { lifetime = .unchanged }\n"),
    _verify("the payload is not checked",
            "guard claims.format.accepts(next.accessTokenPayload), next.namesItsActor", "guard next.namesItsActor"),
    _verify("a first use leaves no record", ".renew(next, lifetime), audit: .refreshed(next, at: now))", ".renew(next, lifetime))"),
    _verify("a shortened token is given its life back (F8)", "guard isWhole, record.traits", "guard isWhole || !isWhole, record.traits"),
    _verify("a token of a fraction of a second less is not whole", "> life - .seconds(1)", ">= life"),
    _verify("a token that was shared meanwhile stays whole (F8)", "record.isRecentlyShared ? .shortened : .whole", ".whole"),
    _data("an ended session is changed", "guard let record, !record.isExpired(at: now, within: terms) else", "guard let record else"),
    _data("the same data again is a change",
          "guard next != record else { return Decision(.keep, .updated(next)) }", ""),
    _data("a change leaves no record", ".updated(next), audit: event)", ".updated(next), audit: event.time == now ? nil : event)"),
]

SERVICE = [
    _policy("a shared token is less jittered than any", "share = max(usual, sharedJitter)", "share = sharedJitter"),
    _policy("a shared token lives as long as any", "share = max(usual, sharedJitter)", "share = usual"),
    _policy("a life that the driver asks for is jittered", "wanted == nil ? accessTokenValidityJitter : 0",
            "accessTokenValidityJitter"),
    _policy("the window is a minute for any life", "min(.seconds(60), Milliseconds(accessTokenValidity.count / 15))", ".seconds(60)"),
    _policy("the window is as long as the life allows", "min(.seconds(60), Milliseconds(accessTokenValidity.count / 15))",
            "Milliseconds(accessTokenValidity.count / 15)"),
    _policy("a configured window is not heeded", "configuredSharingWindow ?? min(", "min("),
    _maker("the last one is given, whatever is asked for", "if let (known, part) = last.withLock({ $0 }), known == successor {",
           "if let (_, part) = last.withLock({ $0 }) {"),
    _maker("one that is made at random is made again", "if let (known, part) = last.withLock({ $0 }), known == successor {",
           "if let (known, part) = last.withLock({ $0 }), known == successor, successor != .fresh {"),
    _service("the audit log cannot be switched off", "if !keepsAuditLog { decided.audit = nil }",
             "if !keepsAuditLog, decided.audit == nil { decided.audit = nil }"),
    _service("sessions begin without the restore number", "RotationCount(restoreNumber: storage.restoreNumber), traits", "0, traits"),
    _service("the storage's clock is not used", "storageTime ?? time()", "storageTime == nil ? time() : time()"),
    _refreshing("the engine is not told the restore number", "restoreNumber: storage.restoreNumber,", "restoreNumber: 0,"),
    _refreshing("the engine is not told what to do after a restore", "afterRestore: policy.afterRestore,", "afterRestore: .adopt,"),
    _refreshing("the engine is not told the silence", "silence: policy.silence,", "silence: .seconds(120),"),
    _refreshing("the engine is not told a token's own count", "rotationCount: refreshTokenKey.rotationCount(of: content))",
                "rotationCount: nil)"),
    _refreshing("at 5.6 an access token has a parent", "parent: exchange.presented.parentHash(request.rotation)",
                "parent: exchange.presented.hash"),
    _refreshing("an anti-CSRF token is asked for where the driver uses none",
                "usesAntiCSRF: request.usesAntiCSRF,\n            signingKeyKind", "usesAntiCSRF: true,\n            signingKeyKind"),
    _verifying("verifications are not told the restore number", "restoreNumber: storage.restoreNumber,", "restoreNumber: 0,"),
    _seal("an unencrypted key is used beside encrypted ones", "isEncrypted ? try encryption.decrypt(record, of: app) : nil",
          "isEncrypted ? try encryption.decrypt(record, of: app) : record"),
    _revoking("one session leaves no record", "storage.remove(.handles(batch), audit: revocation)",
              "storage.remove(.handles(batch), audit: batch.isEmpty ? revocation : nil)"),
    _revoking("all sessions of a user are those of one tenant", ".user(user, tenant: tenant, liveAt: now,",
              ".user(user, tenant: .public, liveAt: now,"),
]

SIGNATURES = [
    _signatures("a message that was signed once is good under any signature",
                "        signature.withUnsafeBytes { hash.update(bufferPointer: $0) }\n", ""),
    _signatures("a signature that was good once is good for any message",
                "        message.withUnsafeBytes { hash.update(bufferPointer: $0) }\n", ""),
    _signatures("a bad signature is remembered", "guard check() else { return false }", "_ = check()"),
    _signatures("whatever has the place is taken for it", "$0[place] == mark }) { return true }",
                "$0[place] != .zero }) { return true }"),
    _signatures("nothing is remembered", "marks[place] = mark", "_ = place"),
    _key("the length does not separate message and signature",
         "guard signature.count == signatureLength else { return false }\n        return verified",
         "return verified",
         "the digest of the message is hashed, so that no byte wanders, and the check refuses other lengths"),
]

KEYS = [
    _keys("caches of before a key are not waited for (K2)",
          "            older.lastCacheEnd(at: key.createdAt, schedule: schedule))", "            key.createdAt)"),
    _keys("a cache ends a second early (K2)", "return max(due ?? now, now + .seconds(1))",
          "return max((due ?? now) + .seconds(-1), now + .seconds(1))"),
    _keys("a key of the future signs (K4)", "key.kind == .dynamic && now + Self.clockTolerance < key.createdAt", "false"),
    _keys("the last retired key is deleted (K4)", "return retired.map(\\.id).filter { !newest.contains($0) }",
          "return retired.map(\\.id).filter { !newest.contains($0) || newest.contains($0) }"),
    _keys("a key does not wait for its longest token (K6)", "return key.verifiesUntil.map { max($0, scheduled) } ?? scheduled",
          "return scheduled"),
]

EVENTS = [
    _news("an expiry is news", "!end.isExpiry, ", ""),
    _news("a cut-off ends at its own time", "time = Timestamp(milliseconds: upTo)", "time = upTo < 0 ? time : end.endedAt"),
    _news("a limit is the system's", "case .limit, .replaced: .policy", "case .limit, .replaced: .system"),
    _news("streams share a jti", "[stream] + entry", "entry"),
    _news("an empty database repeats a jti", '"\\(event.time.milliseconds)", ', ""),
    _event_token("a log-out has no session", 'if let session = event.session { claims.append("sid"',
                 'if let session = event.session, event.user == nil { claims.append("sid"'),
    _event_token("a change is a log-out", "guard event.kind == .sessionRevoked else { return nil }", ""),
    _event_token("a SET has a sub", '"txn": .string(id.transaction),', '"txn": .string(id.transaction), "sub": "x",'),
    _event_order("order by session alone", "event.userID.map(Subject.user)", "nil as Subject?"),
    _event_order("what is not due holds nothing", "held.formUnion(subjects)", "if isDue { held.formUnion(subjects) }"),
    _event_verdict("no answer is success", "case .failed(let reason): self = .again(reason, after: nil)",
                   "case .failed: self = .delivered"),
    _event_verdict("any 400 is dead", "if let code = ErrorCode.read(body, member) {",
                   'if let code = Optional(ErrorCode.read(body, member) ?? "x") {'),
    _event_verdict("a receiver's words are kept", 'return isCode ? code : "(a code that is not shown)"', "return isCode ? code : code"),
    _event_verdict("a stream never rests", "guard isExhausted else { return nil }", "guard isExhausted, width > 1 else { return nil }"),
    _event_poll("all of a user in one answer", "guard isFree, sentCount < request.maxEvents else {",
                "guard isFree || !isFree, sentCount < request.maxEvents else {"),
    _event_poll("what is acknowledged comes again", "if request.acknowledged.contains(id) { return .acknowledged }", ""),
    _delivery("no lease is asked for", "state.leasedAt = isOurs ? now : nil\n        return isOurs",
              "state.leasedAt = isOurs ? now : nil\n        return isOurs || !isOurs"),
    _delivery("a lease is not given back", "lasting: Milliseconds(0))", "lasting: Self.lease)"),
    _delivery("a damaged row is sent", "if pending.event.name == .unreadable { return .unreadable }", ""),
    _delivery("others may ask while a stream rests", "guard try await hasLease(&state, sessions) else { return Self.standby }\n            return min",
              "return min"),
    _delivery("a storage that fails is asked on", "state.restsUntil = clock.time() + state.pace.restUnnoted(random: clock.randomBits())\n", ""),
    _delivery("a time far ahead is waited for", " || pending.nextAttempt - now > BackOff.longest", ""),
    _delivery("the end waits for a receiver", "let reply = await Abandonable.value { await sender.send(token, to: stream) }",
              "let reply: PushReply? = await sender.send(token, to: stream)"),
    _polls("any token opens a stream", "return isHolder ? stream : nil", "return isHolder ? stream : stream"),
    _polls("a pushed stream can be read", "figures.streams.filter { $0.method == .poll }", "figures.streams"),
    _polls("an acknowledgement counts with each look", "var question = PollRequest()", "var question = request"),
]

BINDING = [
    _refresh("proof: none is asked for",
             "if record.traits.boundKey != nil { return record.refusal(of: rules.proof, rules.device, at: now) }",
             "if record.expiresAt < record.createdAt { return .noProof }"),
    _refresh("proof: the lineage is judged before it", "return Decision(.keep, .proofRefused(refusal), audit: .bindingRefused(record, refusal, at: now))",
             "return Decision(.remove, .proofRefused(refusal), audit: .bindingRefused(record, refusal, at: now))"),
    _refresh("proof: a step-up binds nothing",
             "next.traits.boundKey = next.traits.boundKey ?? rules.proof.offered.map(BoundKey.thumbprint)",
             "next.traits.boundKey = next.traits.boundKey ?? nil"),
    _refresh("proof: any key is only reported", 'traits.boundKey?.kind == .dbsc && rules.device.reportsOnly', "rules.device.reportsOnly"),
    _refresh("proof: what is only reported is not noted", "return refusal.map { decided.reporting($0, record, at: now) } ?? decided",
             "return refusal == nil ? decided : decided"),
    _proof("another's key is good", "if key != boundKey { .otherKey }", "if key.rawValue.isEmpty { .otherKey }"),
    _proof("one that is late is good", "case .late(let key): key == boundKey ? .needsNonce : .otherKey",
           "case .late(let key): key == boundKey ? nil : .otherKey"),
    _proof("one for another request is good", "proof.target == target else { return nil }",
           "proof.target != nil || target.url.isEmpty else { return nil }"),
    _proof("one that was answered is good again", "return time < last && last <= now", "return time < last && last < time"),
    _proof("no proof is newer after a clock was set back", "return time < last && last <= now", "return time < last"),
    _proof("one of two minutes ago is good", "age <= behind && age", "age <= behind + behind && age"),
    _proof("one to come is good", "age >= Milliseconds(0) - ahead", "age >= Milliseconds(0) - ahead - ahead"),
    _proof("one beside another access token is good", "proof.accessTokenHash == DPoPProof.hash(ofAccessToken: accessToken)",
           "proof.accessTokenHash != nil || accessToken.isEmpty"),
    _signed("the signature is not looked at", "key.isValidSignature(signature, for: signed) }",
            "key.isValidSignature(signature, for: signed) || !signed.isEmpty }"),
    _signed("a private key is taken", "Self.secret.isDisjoint(with: jwk.names)", "!Self.secret.isEmpty"),
    _jwt("any type of JWT is a proof", 'proof.header["typ"] == "dpop+jwt", ', ""),
    _jwt("a proof without a number is one", "(1...Self.longestIdentifier).contains(identifier.utf8.count)",
         "(0...Self.longestIdentifier).contains(identifier.utf8.count)"),
    _nonce("an old one is fresh", "age <= life && age", "age <= life + life && age"),
    _binding("each refusal is written", "now - last.time < Self.pause\n", "now - last.time < Milliseconds(0)\n"),
    _binding("a crowd of refusals is written", "|| state.recent.count < Self.capacity else", "|| state.recent.count >= 0 else"),
    _binding("each minute begins with nothing", "= ([:], state.recent, now)", "= ([:], [:], now)"),
    _device_proof("any type of JWT is a proof", 'proof.header["typ"] == "dbsc+jwt", ', ""),
    _device_proof("any algorithm is good", 'proof.header["alg"] == "ES256",', ""),
    _device_proof("a registration is signed by any key", "            let key = proof.header[\"jwk\"]?.object.flatMap(ProofKey.init), proof.isSigned(by: key.publicKey)",
                  "            let key = proof.header[\"jwk\"]?.object.flatMap(ProofKey.init)"),
    _device_proof("a renewal is signed by any key", "let publicKey = key.publicKey,\n            proof.isSigned(by: publicKey)",
                  "key.publicKey != nil"),
    _device_proof("a renewal may bring a key", 'proof.header["jwk"] == nil, ', ""),
    _device_proof("a header may change what is signed", "refused.isDisjoint(with: proof.header.names)", "!refused.isEmpty"),
    _device_note("an old one is good", "age <= life &&", "age <= life + life &&"),
    _device_note("one to come is good", ">= Milliseconds(0) - Self.ahead", ">= Milliseconds(0) - Self.ahead - Self.ahead"),
    _device_note("one purpose serves another", "purpose: rawValue, key: key), body.count > 8", 'purpose: DeviceNote.cookie.rawValue, key: key), body.count > 8'),
    _device_binding("a second key takes the place of the first", "case .some: return Decision(.keep, .taken, audit: .bindingRefused(record, .otherKey, at: now))",
                    "case .some: break"),
    _device_binding("a session that has ended is bound", "guard let record, !record.isExpired(at: now, within: terms) else { return Decision(.keep, .refused) }",
                    "guard let record else { return Decision(.keep, .refused) }"),
    _device_binding("an offer of before the step-up binds", "authenticated < stepUp { return", "authenticated < stepUp, false { return"),
    _device_binding("any challenge is good", "note?.handle == record.handle ? .proved", "note != nil ? .proved"),
    _device_binding("no challenge is asked for", "note?.handle == record.handle ? .proved", "note?.handle == record.handle || note == nil ? .proved"),
    _device_evidence("another session's cookie is good", "if handle == record.handle { return nil }", "if handle != nil { return nil }"),
    _device_evidence("who says that it skipped is let in", "if handle == record.handle { return nil }",
                     "if handle == record.handle || refusal == .skipped { return nil }"),
    _device_evidence("who left before the session was bound is signed out", "refusal == .noCookie && mayBeOvertaken",
                     "refusal == .skipped && mayBeOvertaken"),
    _device_evidence("another session's cookie signs out", "isAccepted || note.time > now ? .notYet : .old",
                     "note.time > now ? .notYet : isAccepted ? .noCookie : .old"),
    _device_evidence("a cookie that is kept for too long signs out", "isAccepted || note.time > now ? .notYet : .old",
                     "isAccepted || note.time > now ? .notYet : .noCookie"),
    _device_evidence("no request is refused for good", "var refusal = ProofRefusal.noCookie", "var refusal = ProofRefusal.notYet"),
    _verify("proof: a copy lives by verifications", "guard isWhole, record.traits.boundKey?.kind != .dbsc else", "guard isWhole else"),
    _verify("proof: a copy that was shared lives by a verification",
            "guard isWhole, record.traits.boundKey?.kind != .dbsc else { return .unchanged }",
            "guard isWhole, record.isRecentlyShared || record.traits.boundKey?.kind != .dbsc else { return .unchanged }"),
    _token_revocation("a copied token ends a bound session", "if let key = record.traits.boundKey {",
                      "if let key = record.traits.boundKey, record.expiresAt < record.createdAt {"),
    _upgrade("proof: a repeated upgrade is refused in silence",
             "return Decision(.keep, .proofRefused(refusal), audit: .bindingRefused(record, refusal, at: now))",
             "return Decision(.keep, .proofRefused(refusal))"),
    _upgrade("proof: a report refuses a repeated upgrade", ", !record.isOnlyReported(by: rules) {", " {"),
    _device_service("the offer of another session binds", "return offered?.handle == registration.handle", "return offered != nil"),
    _device_service("an anonymous session is offered", "record.traits.flags.isDisjoint(with: [.anonymous, .impersonated])", "!record.handle.rawValue.isEmpty"),
    _device_service("a bound session is offered again", "guard wanted, record.traits.boundKey == nil,", "guard wanted,"),
    _device_service("the key of the session before is kept", "renewal.handle == nil || renewal.handle == handle", "!handle.rawValue.isEmpty"),
    _device_service("a route takes another session's cookie", "if note?.handle == handle { return .proved }", "if note != nil { return .proved }"),
]

READERS = [
    _finding("a killed key signs on", "if let key = subject.keyID, hasKilled(key) { return .killedKey }", ""),
    _finding("a cut-off has no band before it", "time + (Milliseconds(0) - FeedFinding.band)", "time"),
    _finding("a cut-off has no band after it", "subject.issuedAt > time + FeedFinding.band", "subject.issuedAt > time"),
    _finding("the user of the login method is not looked for", "for user in subject.users {", "for user in subject.users.prefix(1) {"),
    _reader_shard("a cut-off of one tenant is one of all", "cutOff.tenant == nil || cutOff.tenant == tenant", "true"),
    _reader_shard("an older cut-off takes the place of a newer one", "time: max($0.time, $1.time)", "time: min($0.time, $1.time)"),
    _reader_shard("an entry leaves early", "max($0.until, $1.until)) })\n", "min($0.until, $1.until)) })\n"),
    _reader_state("fresh before the snapshot is whole", "guard !page.hasMore else { return }", ""),
    _reader_state("fresh from the answer's age on", ".milliseconds(-page.age.count)", ".milliseconds(0)"),
    _reader_state("another stream is the same", "if page.stream != stream { freshAt = nil }", ""),
    _reader_state("what continues something else is taken", "(page.stream == stream && cursor != nil)", "cursor != nil"),
    _reader_state("a core that is stuck is asked for ever", "page.hasMore && page.next == cursor", "false"),
    _reader_state("a clock that jumps is not noticed", "moved.magnitude > UInt64(Self.clockJump)", "moved.magnitude > UInt64.max - UInt64(Self.clockJump)"),
    _reader_verdict("a stale feed is good for ever", "staleness <= longest ? .staleAccepted : .staleRejected", "staleness < staleness + longest ? .staleAccepted : .staleRejected"),
    _reader_verdict("silence is news", "guard !grounds.isFresh else { return .accepted }", "if !grounds.isFresh || true { return .accepted }"),
    _reader_verdict("an unanswered question near a cut-off is a yes", "grounds.unasked : .staleRejected", "grounds.unasked : .accepted"),
    _reader_questions("questions have no cap", "guard running.count < rate else { return false }", ""),
    _reader_questions("a core that does not answer is asked on", "pausedUntil = now + Self.pause", "pausedUntil = now"),
    _reader_questions("an answer is kept for ever", "now < kept.until else {", "now < kept.until || true else {"),
    _reader_questions("an answer about one cut-off holds for all", "Name(session: question.session, cutOff: question.cutOff)] = Kept(", "Name(session: question.session, cutOff: nil)] = Kept("),
    _reader_wire("a status other than OK is an answer", 'guard object["status"]?.string == "OK" else', 'guard object["status"]?.string != nil else'),
    _reader_wire("an age may be negative", "int64, age >= 0 else", "int64 else"),
    _follower("a core that fails is asked again", "state.core = (state.core + 1) % cores", "state.core = state.core % cores"),
    _follower("a thousand pages are read and more", "guard pages < Self.pageLimit else", "guard pages < .max else"),
]

EDGE = [
    _edge_request("of two tokens the first counts", ".some(first) : .some(nil)", ".some(first) : .some(first)"),
    _edge_request("a method that is not stated reads", "!methods.isEmpty && methods", "methods"),
    _edge_request("of two fields the first counts", 'Set(sites).count > 1 ? "cross-site" : sites.first', "sites.first"),
    _edge_request("the cookie that is easy to plant goes first", "for name in Self.cookieNames {", "for name in Self.cookieNames.reversed() {"),
    _edge_request("a proof is for one of two methods", "methods.count == 1, targets", "methods.count >= 1, targets"),
    _edge_request("a level that cannot be read is none", 'plusIsSpace: true) ?? "\\0"', "plusIsSpace: true)"),
    _edge_verdict("a read with a cookie is a write", "if isCookie, !request.isSafe {", "if isCookie {"),
    _edge_verdict("a cookie needs no protection", "if isCookie, !request.isSafe {", "if isCookie, request.levels == ["+'"\\0"'+"] {"),
    _edge_verdict("the anti-CSRF token does not count", "!expected.matches(request.antiCSRFToken) {", "!expected.matches(expected) {"),
    _edge_verdict("one of several levels is enough", "request.levels.first(where: { !session.hasLevel($0) })", "request.levels.first, !session.hasLevel(wanted)"),
    _edge_verdict("a higher level is no level", "return has >= needs", "return has == needs"),
    _edge_reply("names are written as they are", 'Field("Tessera-User-Id", PercentEncoding.component.encode(claims.userID.rawValue))', 'Field("Tessera-User-Id", claims.userID.rawValue)'),
    _edge_reply("what is not known is a no", "case .unavailable: unavailable\n        case .inactive, .levelTooLow", "case .unavailable, .inactive, .levelTooLow"),
    _edge_verifier("a token passes before the first news", "guard isReady else { return .here(.unavailable) }", ""),
    _edge_verifier("silence signs out", "case .staleRejected, .ask: .unavailable", "case .staleRejected, .ask: .inactive(.ended)"),
    _edge_verifier("an expired token passes", "if claims.isExpired(at: clock.time()) {", "if claims.isExpired(at: claims.issuedAt) {"),
    _edge_verifier("a proof is good twice", "return proofs.isNew(name, at: now) ? nil", "return proofs.isNew(name, at: now) || true ? nil"),
    _edge_verifier("a key of another client proves", "case .good(bound, _):", "case .good(_, _):"),
    _edge_verifier("a key that is not known is a no", "guard error.mayBeForNewerKeys else { return", "if error != .expired { return"),
    _edge_members("the whole payload is shown", "if let value = payload[name] { object.append(name, value) }\n        }", "if let value = payload[name] { object.append(name, value) }\n        }\n        for member in payload.members where object[member.name] == nil { object.append(member.name, member.value) }"),
    _key_cache("a killed key comes again", "keys = keys.without(state.killed)\n            state.keys = keys", "state.keys = keys"),
    _key_cache("each token with an unknown key asks", "if let id, Self.isRecent(state.missing[id], at: now) { return .absent }", ""),
    _origin_rule("a page of another site may write", "guard let origin else { return site == nil }", "guard let origin else { return true }"),
    _origin_rule("PUT reads", '["GET", "HEAD", "OPTIONS", "TRACE"]', '["GET", "HEAD", "OPTIONS", "TRACE", "PUT"]'),
]

CLIENT = [
    _client_table("a status of 500 ends a session",
                  '            return .transient("status \\(head.status.code)", retryAfter: RetryAfter.duration(head.headerFields))',
                  "            return .ended(.ended)"),
    _client_table("a gateway's 401 ends a session", "? .ended(.ended) : .gateway", "? .ended(.ended) : .ended(.ended)"),
    _client_table("a failure of the network ends a session", "case .transient, .cancelled: .transient(failure.reason, retryAfter: nil)",
                  "case .transient, .cancelled: .ended(.ended)"),
    _client_table("a refresh without a refresh token is taken", "guard let refresh = fields.refresh, let access",
                  'guard let refresh = fields.refresh ?? Optional(Secret("")), let access'),
    _client_requests("the token goes wherever a redirection leads", "let isHome = configuration.origin.takes(step)",
                     "let isHome = !step.method.rawValue.isEmpty"),
    _client_requests("the newest token is not tried before a refresh", "if tokens.access != sent, repeats <= refreshes {",
                     "if tokens.access != sent, repeats < 0 {"),
    _client_requests("a body that was sent is sent again empty",
                     "guard body.isReplayable else { throw ClientError.bodyNotReplayable }\n            // Another", "// Another"),
    _client_refresh("each call refreshes by itself", "        if flight == nil {", "        do {"),
    _client_refresh("what another process has written is not looked at", "if tokens.access != session.tokens?.access,",
                    "if false,"),
    _client_refresh("tokens of the user before are kept", "guard kept.account == session.account, let present = kept.tokens else {",
                    "guard let present = kept.tokens else {"),
    _client_refresh("an answer that was cut is one", "guard let body = try? await reply.bytes(limit: 65_536) else {",
                    "guard let body = Optional((try? await reply.bytes(limit: 65_536)) ?? []) else {"),
    _client_refresh("a background refresh is activity", "isFromBackground: SessionActivity.current == .background, key",
                    "isFromBackground: false, key"),
    _client_refresh("the end of an older session ends the new one",
                    "guard kept.account == session.account, kept.tokens?.refresh == tokens.refresh else { return nil }\n"
                    "            var next = kept\n            (next", "            var next = kept\n            (next"),
    _client_tokens("a late sign-in replaces the present user", "            guard kept.account == session.account else {\n"
                   "                // Late", "            guard true else {\n                // Late"),
    _client_tokens("the session after a step-up is another user's", "if !new.isSameSession(as: kept.tokens) {",
                   "if !new.isSameSession(as: nil) {"),
    _client_tokens("tokens of two users are mixed", "            before.sessionHandle == facts.sessionHandle, before.userID == facts.userID\n",
                   "            before.userID.utf8.count >= 0 || facts.userID.isEmpty\n"),
    _client_sign_out("a sign-out that the server did not hear is forgotten",
                     "guard await hasEnded(item) else { return }", "_ = await hasEnded(item)"),
    _client_sign_out("a session whose access token is over is not signed out",
                     "case .refreshed(_, let access, _): return await signOut(with: access, key) == .done",
                     "case .refreshed: return true"),
    _client_retry("a failure is followed by the next attempt at once", "notBefore = now &+ max(own, asked)", "notBefore = now &+ min(0, own, asked)"),
    _client_proofs("a session is refreshed by a key that is not its own",
                   "guard thumbprint == nil || thumbprint == key.thumbprint else { throw .lost }", ""),
    _client_proofs("a proof is for any access token", "accessToken: accessToken?.text)", "accessToken: nil)"),
    _client_tokens("two sessions have one key", "        newKey = nil\n", ""),
    _client_tokens("a key is kept for a session that is not bound",
                   "let isBound = facts.boundKey != nil && facts.boundKey == key?.thumbprint", "let isBound = key != nil"),
    _client_requests("a proof leaves the origin", ".proxyAuthorization, SessionFields.proofName]", ".proxyAuthorization]"),
    _client_refresh("a nonce is not repeated", "proving?.nonce = nonce", "proving?.nonce = nonce.isEmpty ? nonce : nil"),
    _client_refresh("the wall clock is in proofs", "at: { tokens.serverTime(self.clock) }", "at: { self.clock.wall() }"),
    _client_refresh("a key that is locked is lost", "if error == .lost {", "if error == .lost || tokens.lifetime >= 0 {"),
    _client_refresh("a refresh forgets the key", "front: front, key: tokens.key)", "front: front, key: nil)"),
    _client_refresh("a session whose key is lost lives on at the server",
                    "            next.pendingSignOuts.append(PendingSignOut(tokens, since: now))\n", "            _ = now\n"),
    _client_record("the wall clock decides", "if boot == clock.boot, !boot.isEmpty {", "if false {"),
    _client_record("the clock of before a restart decides", "if boot == clock.boot, !boot.isEmpty {", "if true {"),
]

_signing = _of("signer", "SessionService/Signer/SessionManager+Signing.swift")
_rules = _of("signer", "SessionEngine/Keys/SigningRules.swift")
_ring = _of("signer", "SessionEngine/Keys/KeyRing.swift")
_agent = _of("signer", "SignerAgent/SignerAgent.swift")
_pool = _of("signer", "SessionService/SigningKeyPool.swift")
_queue = _of("signer", "SignerAgent/SignerQueue.swift")
_verify_ahead = _of("signer", "SessionService/SessionManager+Verify.swift")
_managed = _of("signer", "SessionService/SigningKeyManager.swift")
_by_hand = _of("signer", "SessionService/SigningKeyManager+Administration.swift")
_health = _of("signer", "SignerAgent/DeviceHealth.swift")
_asking = _of("signer", "SignerAgent/AgentSigner.swift")

SIGNERS = [
    _signing("a token is signed after its step", "var signsAhead: Bool { keys.pool.external != nil }",
             "var signsAhead: Bool { false }"),
    _signing("a token of an older state is given", "wanted.claims != ahead?.claims || wanted.kind != ahead?.kind {", "ahead == nil {"),
    _signing("a token is made again where one is signed", "return (outcome, claims(outcome) == nil ? nil : ahead?.token)",
             "return (outcome, nil)"),
    _signing("what is no signature is given", "guard signature.count == key.privateKey.publicKey.signatureLength else {",
             "guard !signature.isEmpty else {"),
    _verify_ahead("a good token is refused where the signer has lost its keys", "case .signing where signsAhead: break",
                  "case .signing(.signerUnavailable): break"),
    _managed("each request has a key made that is not stored", "if key.externalName != nil { state.withLock { $0.unstored[need] = key } }", ""),
    _rules("any header is signed", "read.keyID == key, read.algorithm == algorithm,", "read.algorithm == algorithm,"),
    _rules("a token of another time is signed", "<= Double(tolerance.count) + unit else { throw .issuedAt }",
           "<= .infinity else { throw .issuedAt }"),
    _rules("a token of any lifetime is signed", "guard life > 0, life <= Double(longestLife.count) + unit", "guard life > 0"),
    _ring("a key of a signer signs without one", "guard signsExternally || !key.privateKey.isExternal else { return false }",
          ""),
    _ring("a signer makes no key beside one of the process",
          "key.algorithm == algorithm && key.privateKey.isExternal == signsExternally", "key.algorithm == algorithm"),
    _rules("a legacy token has an end of ten years beside its own", "if let names = kind.names, !names.isSuperset(of: claims.names) { throw .claims }",
           ""),
    _agent("a process of any user is answered", "guard let user = connection.peer, settings.users.contains(user) else {",
           "guard let user = connection.peer else {"),
    _agent("the rules are not asked", "try settings.rules.check(input, by: id, key.publicKey.algorithm, at: time)\n",
           "if time.milliseconds < 0 { try settings.rules.check(input, by: id, key.publicKey.algorithm, at: time) }\n"),
    _agent("the rate has no bound", "let allowed = take(places.count, of: user)", "let allowed = max(places.count, take(places.count, of: user))"),
    _agent("a key that came too late stays", "                undo(answer)\n", ""),
    _asking("signatures of another frame are given", "guard results.count == batch.requests.count else { return false }",
            "guard results.count != batch.requests.count else { return false }"),
    _asking("a request waits for a signer without end", "end: now + settings.deadline, waiter", "end: .distantFuture, waiter"),
    _asking("a signer that makes no key in time is asked by each command", "if answer == nil, ended >= end {",
            "if false {"),
    _queue("a signer that only greets is tried by every request", "!(isOnTrial && hasTrial), ", ""),
    _queue("a signer that is silent is asked on and on", "defer { (isSilent, isOnTrial, hasTrial, waiting) = (true, true, false, []) }",
           "defer { (isSilent, isOnTrial, hasTrial, waiting) = (false, false, false, []) }"),
    _queue("a frame takes what would be late", "if request.end <= now + margin {", "if request.end <= now + min(margin, .zero) {"),
    _queue("a frame takes requests of another key", "requests.first.map { $0.key == request.key } ?? true", "true"),
    _queue("what was taken is taken again", "waiting.replaceSubrange(..<seen, with: rest)", "waiting = rest + waiting.dropFirst(rest.count)"),
    _by_hand("a key made by hand that is not stored stays at the signer", "            await deleteAndWait([key])\n            throw error\n",
             "            throw error\n"),
    _by_hand("a key made by hand is deleted though it may be stored", "guard error.code != .unknownOutcome else {", "guard true else {"),
    _by_hand("a key made by hand that others were faster with is called made",
             "guard records.contains(where: { $0.id == id && $0.privateKeyDER == record.privateKeyDER }) else {",
             "guard records.contains(where: { $0.id == id }) || record.id == id else {"),
    _signing("a key that was retired a moment ago costs an error", "guard error == .signing(.signerLacksKey) else { throw error }",
             "guard error == .signing(.cryptographyFailed) else { throw error }"),
    _managed("each sign-in asks for a successor that cannot be made", "if signer.isSuccessorDue, !hasFailed(new, at: now) {",
             "if signer.isSuccessorDue {"),
    _agent("a key that cannot be kept is lost", "            putBack(spare)\n", ""),
    _agent("keys are made at any rate", "guard mayMake(user) else {", "guard mayMake(user) || keyCount >= 0 else {"),
    _agent("a key that was not looked for is called unknown", "return (nil, asked.name == name ? .unknownKey : .notYet)",
           "return (nil, .unknownKey)"),
    _health("one failure ends a signer", "if let failures, failures.last - failures.first >= Self.longestFailure {",
            "if let failures, now - failures.first >= Self.longestFailure {"),
    _health("a call that hangs is waited for", "if let begun = calls.values.min(), now - begun >= Self.longestCall {", "if calls.isEmpty, count > 9_999 {"),
    _pool("keys are made in the process beside a signer", "guard let external else { return try await key(algorithm) }",
          "guard external == nil else { return try await key(algorithm) }\n        guard let external else { return try await key(algorithm) }"),
]

MUTANTS = SIGNERS + EVENTS + READERS + EDGE + CLIENT + BINDING + REFRESH + RESTORE + RECORD + TOKENS + VERIFY + SERVICE + SIGNATURES + KEYS
