import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Security events (docs/events.md)")
struct SecurityEventTests {
    private static let now = Timestamp(milliseconds: 1_764_282_000_123)
    private static let parties = EventToken.Parties(
        issuer: "https://auth.example.com", audience: "https://rp.example.com")

    private static func revoked(_ actor: AuditActor, _ means: Revocation.Means) -> AuditEvent {
        .revoked(Sample.handle, tenant: .public, user: UserID("u"), Revocation(by: actor, means, at: now))
    }

    /// Who caused it, by actor and means (SE14); `none` is no event.
    static let table: [(actor: AuditActor, means: Revocation.Means, expected: String)] = [
        (.user, .handle, "user"), (.administrator, .handle, "admin"), (.driver, .handle, "unsaid"),
        (.user, .all, "user"), (.administrator, .all, "admin"), (.driver, .all, "unsaid"),
        (.user, .others, "user"), (.administrator, .others, "admin"),
        (.administrator, .tenant, "admin"), (.driver, .tenant, "unsaid"),
        (.core, .limit, "policy"), (.core, .replaced, "policy"),
        (.core, .reuse, "system"), (.core, .restore, "system"), (.administrator, .restore, "system"),
        (.user, .impersonationEnd, "user"), (.driver, .impersonationEnd, "unsaid"),
        (.core, .expiry, "none"), (.administrator, .expiry, "none"),
    ]

    @Test("which ends are news, and who caused them", arguments: table.indices)
    func causes(index: Int) {
        let row = Self.table[index]
        let event = SecurityEvent(Self.revoked(row.actor, row.means))
        let found = event.map { $0.initiator?.rawValue ?? "unsaid" } ?? "none"
        #expect(found == row.expected, "\(row)")
        if let event {
            #expect(event.kind == .sessionRevoked && event.session == Sample.handle && event.user == UserID("u"))
            #expect(!event.reason.isEmpty && event.time == Self.now)
        }
    }

    @Test("of all other entries of the audit log none is news", arguments: AuditEvent.Name.allCases)
    func others(name: AuditEvent.Name) {
        let event = AuditEvent(name: name, time: Self.now, handle: Sample.handle, userID: UserID("u"))
        let isNews = [.revoked, .revokedAll, .credentialChanged].contains(name)
        #expect((SecurityEvent(event) != nil) == isNews, "reuse that ended nothing is none")
        #expect(SecurityEvent(AuditEvent(name: .revoked, time: Self.now)) == nil, "of nobody")
    }

    @Test("a reused token that ended its session is news by the system")
    func reuse() {
        let record = Sample.record()
        for isEnd in [true, false] {
            let entry = AuditEvent.reuseDetected(
                record, .previous, rotationCount: nil, revoked: isEnd, at: Self.now)
            #expect((SecurityEvent(entry)?.initiator == .system) == isEnd)
        }
    }

    @Test("the end of all sessions of a user is one event without a session, up to when they were created")
    func cutOff() throws {
        for tenant in [nil, TenantID("t1")] {
            let entry = AuditEvent.revokedAll(
                of: UserID("u"), tenant: tenant, createdUpTo: Self.now + .seconds(5),
                Revocation(by: .administrator, .all, at: Self.now))
            let event = try #require(SecurityEvent(entry))
            #expect(event.session == nil && event.tenant == tenant && event.time == Self.now + .seconds(5))
            let id = SecurityEventID(of: entry, 7, for: "s", in: .public)
            let claims = EventToken.claims(of: event, id, Self.parties, issuedAt: entry.time)
            let subject = claims["sub_id"]?.object
            #expect(subject?.names == ["format", "user"] + (tenant == nil ? [] : ["tenant"]))
            let logout = try #require(EventToken.logoutClaims(of: event, id, Self.parties, at: Self.now))
            #expect(logout["sub"] == "u" && logout["sid"] == nil)
        }
    }

    /// docs/specification has the example of the interoperability profile, which another library has verified.
    private static let example =
        #"{"iss":"https://auth.example.com","jti":"01JDQ3Y6V7Z8K9M0N1P2Q3R4S5","iat":1764282001,"#
        + #""aud":"https://rp.example.com","txn":"8f14e45f","sub_id":{"format":"complex","#
        + #""session":{"format":"opaque","id":"0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11"},"#
        + #""user":{"format":"iss_sub","iss":"https://auth.example.com","sub":"alice"}},"#
        + #""events":{"https://schemas.openid.net/secevent/caep/event-type/session-revoked":"#
        + #"{"event_timestamp":1764282000,"initiating_entity":"admin","#
        + #""reason_admin":{"en":"revoked by an administrator"}}}}"#

    @Test("the claims are those of CAEP's example, byte by byte")
    func vector() {
        let event = SecurityEvent(
            .sessionRevoked, session: SessionHandle("0b6fd6e4-9cfe-4b4a-9a1b-3b1b7f3e4c11"), user: UserID("alice"),
            at: Timestamp(milliseconds: 1_764_282_000_999), by: .admin, because: "revoked by an administrator")
        let id = SecurityEventID(id: "01JDQ3Y6V7Z8K9M0N1P2Q3R4S5", transaction: "8f14e45f")
        let claims = EventToken.claims(
            of: event, id, Self.parties, issuedAt: Timestamp(milliseconds: 1_764_282_001_000))
        #expect(claims.text == Self.example)
    }

    @Test("RFC 8417: one event, a jti, and neither sub nor exp, for every news", arguments: table.indices)
    func rules(index: Int) throws {
        let row = Self.table[index]
        let entry = Self.revoked(row.actor, row.means)
        guard let event = SecurityEvent(entry) else { return }
        let id = SecurityEventID(of: entry, 3, for: "billing", in: .public)
        let claims = EventToken.claims(of: event, id, Self.parties, issuedAt: entry.time)
        #expect(claims.names == ["iss", "jti", "iat", "aud", "txn", "sub_id", "events"])
        #expect(claims["events"]?.object?.count == 1 && claims["iat"] == .integer(1_764_282_000))
        #expect(claims["jti"]?.string == id.id && id.id.count == 32)
    }

    @Test("a credential change has CAEP's members, and is no log-out")
    func credentialChange() throws {
        let change = try #require(
            CredentialChange(
                of: UserID("u"), type: "fido2-platform", .create,
                details: [("friendly_name", "key"), ("fido2_aaguid", "accced6a")]))
        let entry = AuditEvent.credentialChanged(change, by: .user, at: Self.now)
        let event = try #require(SecurityEvent(entry))
        let id = SecurityEventID(of: entry, 1, for: "s", in: .public)
        let claims = EventToken.claims(of: event, id, Self.parties, issuedAt: entry.time)
        let members = claims["events"]?.object?[SecurityEvent.Kind.credentialChange.uri]?.object
        #expect(
            members?.names == [
                "event_timestamp", "initiating_entity", "reason_admin", "credential_type", "change_type",
                "friendly_name", "fido2_aaguid",
            ])
        #expect(members?["credential_type"] == "fido2-platform" && members?["change_type"] == "create")
        #expect(EventToken.logoutClaims(of: event, id, Self.parties, at: Self.now) == nil)
        #expect(!DeliveryMethod.backchannelLogout.carries(.credentialChange))
        for text in ["", String(repeating: "x", count: 257)] {
            #expect(CredentialChange(of: UserID("u"), type: text, .update) == nil)
        }
        #expect(CredentialChange(of: UserID("u"), type: "pin", .update, details: [("sub", "x")]) == nil)
    }

    @Test("OpenID back-channel logout 2.4: sub, sid, exp within two minutes, and no nonce")
    func logout() throws {
        let entry = Self.revoked(.user, .handle)
        let event = try #require(SecurityEvent(entry))
        let id = SecurityEventID(of: entry, 9, for: "web", in: .public)
        let later = Self.now + .seconds(3_600)
        let claims = try #require(EventToken.logoutClaims(of: event, id, Self.parties, at: later))
        #expect(claims.names == ["iss", "sub", "aud", "iat", "exp", "jti", "sid", "events"])
        #expect(claims["exp"] == .integer(later.wholeSeconds + 120) && claims["iat"] == .integer(later.wholeSeconds))
        #expect(claims["events"] == ["http://schemas.openid.net/event/backchannel-logout": [:]])
    }

    @Test("an event has one jti for each stream for ever, and another with each fact that makes it another event")
    func identifiers() {
        let entry = Self.revoked(.user, .handle)
        func id(
            _ entry: AuditEvent, _ sequence: Int64 = 5, _ stream: String = "a", _ app: AppID = .public
        ) -> SecurityEventID { SecurityEventID(of: entry, sequence, for: stream, in: app) }
        var (later, other, erased) = (entry, entry, entry)
        later.time = later.time + Milliseconds(1)
        other.handle = SessionHandle("22222222-2222-4222-8222-222222222222")
        erased.userID = UserID("erased-1")
        let ids = [
            id(entry), id(later), id(other), id(entry, 6), id(entry, 5, "b"), id(entry, 5, "a", AppID("b")),
            id(AuditEvent(name: .reuseDetected, time: entry.time, handle: entry.handle)),
        ]
        #expect(Set(ids.map(\.id)).count == ids.count && id(entry) == id(entry) && id(erased) == id(entry))
        #expect(
            id(entry).transaction == id(entry, 5, "b").transaction && id(entry).transaction != id(later).transaction)
    }

    @Test("neither token passes for an access token", arguments: SigningAlgorithm.allCases)
    func confusion(algorithm: SigningAlgorithm) throws {
        let key = try TestKeys.signingKey(algorithm)
        let keys = VerificationKeys([key.verificationKey])
        let entry = Self.revoked(.user, .handle)
        let event = try #require(SecurityEvent(entry))
        let id = SecurityEventID(of: entry, 9, for: "web", in: .public)
        let set = EventToken.claims(of: event, id, Self.parties, issuedAt: entry.time)
        let logout = try #require(EventToken.logoutClaims(of: event, id, Self.parties, at: Self.now))
        for (claims, type) in [(set, EventToken.setType), (logout, EventToken.logoutType)] {
            let token = try EventToken.sign(claims, as: type, with: key)
            #expect(judge(token, keys, at: Self.now) == .failure(.headerMismatch(.typ)))
            // Also by its claims alone: the same under the header of an access token.
            let disguised = try EventToken.sign(claims, as: "JWT", with: key)
            #expect(throws: AccessTokenProblem.self) { try judge(disguised, keys, at: Self.now).get() }
        }
    }
}

@Suite("Delivery of security events: answers, order, pace (docs/events.md)")
struct DeliveryRuleTests {
    /// Method, status, body, what becomes of the event (RFC 8935 2.2 and 2.3, back-channel logout 2.8).
    static let answers: [(method: DeliveryMethod, status: Int, body: String, expected: String)] = [
        (.push, 202, "", "delivered"), (.push, 200, "", "delivered"), (.push, 204, "", "delivered"),
        (.push, 400, #"{"err":"invalid_key","description":"x"}"#, "refused 400 invalid_key"),
        (.push, 400, #"{"err":"authentication_failed"}"#, "refused 400 authentication_failed"),
        (.push, 400, #"{"error":"invalid_request"}"#, "again"), (.push, 400, "", "again"),
        (.push, 400, #"{"err":7}"#, "again"), (.push, 400, "<html>", "again"), (.push, 400, #"["err"]"#, "again"),
        (.push, 400, #"{"err":"Bearer SECRET123"}"#, "refused 400 (a code that is not shown)"),
        (.push, 401, #"{"err":"x"}"#, "again"), (.push, 403, "", "again"), (.push, 404, "", "again"),
        (.push, 301, "", "again"), (.push, 307, "", "again"), (.push, 100, "", "again"),
        (.push, 429, "", "again"), (.push, 500, "", "again"), (.push, 503, "", "again"), (.push, -1, "", "again"),
        (.backchannelLogout, 200, "", "delivered"), (.backchannelLogout, 204, "", "delivered"),
        (.backchannelLogout, 400, #"{"error":"invalid_request"}"#, "refused 400 invalid_request"),
        (.backchannelLogout, 400, #"{"err":"invalid_request"}"#, "again"), (.backchannelLogout, 501, "", "again"),
    ]

    @Test("what an answer means", arguments: answers.indices)
    func verdicts(index: Int) {
        let row = Self.answers[index]
        let reply = PushReply.answered(status: row.status, body: Array(row.body.utf8), retryAfter: .seconds(9))
        let verdict = DeliveryVerdict(reply, by: row.method)
        let word =
            switch verdict {
            case .delivered: "delivered"
            case .refused(let reason): "refused \(reason)"
            case .again: "again"
            }
        #expect(word == row.expected, "\(row)")
        if case .again(let reason, let span) = verdict {
            #expect(!reason.contains("SECRET") && (span == nil || span == .seconds(9)))
        }
    }

    @Test("an unknown outcome is never success")
    func unknown() {
        for method in DeliveryMethod.allCases {
            #expect(DeliveryVerdict(.failed("x"), by: method) == .again("x", after: nil))
        }
    }

    @Test("the back-off doubles from a second to five minutes, less up to half of it")
    func backOff() {
        let whole: [Int64] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { $0 * 1_000 }
        for (failures, most) in whole.enumerated() {
            #expect(BackOff.span(after: failures, random: 0) == Milliseconds(most))
            for random in [1, 77_777, UInt64.max] {
                let span = BackOff.span(after: failures, random: random)
                #expect((most / 2...most).contains(span.count))
            }
        }
        for odd in [Int.min, -1, 64, Int.max] { #expect(BackOff.span(after: odd, random: 3) <= BackOff.longest) }
    }

    /// Notes some answers and asks for a rest.
    private static func rest(_ pace: inout StreamPace, _ verdicts: DeliveryVerdict...) -> Milliseconds? {
        for verdict in verdicts { pace.note(verdict) }
        return pace.rest(random: 0)
    }

    @Test("a stream widens while its receiver answers, and rests after three failures in a row")
    func pace() {
        let failure = DeliveryVerdict.again("", after: nil)
        var pace = StreamPace()
        var found = [2, 4, 8, 8].map { _ in
            let rest = Self.rest(&pace, .delivered)
            return rest == nil ? pace.width : 0
        }
        #expect(found == [2, 4, 8, 8])
        found = (0..<2).map { _ in Self.rest(&pace, failure) == nil && !pace.isExhausted ? pace.width : 0 }
        #expect(found == [1, 1])
        // A receiver that refuses answers.
        var rests = [Self.rest(&pace, .refused("400")), Self.rest(&pace, failure, failure, failure)]
        #expect(rests == [nil, .seconds(1)])
        rests = (0..<10).map { _ in Self.rest(&pace) ?? Self.rest(&pace, failure) }
        #expect(rests == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { Milliseconds.seconds($0) })
        rests = [Self.rest(&pace, .delivered), Self.rest(&pace, failure, failure, failure)]
        #expect(rests == [nil, .seconds(1)])
    }

    @Test("what cannot be noted is sent the more seldom, however well the receiver answers")
    func unnoted() {
        var pace = StreamPace()
        let rests = (0..<11).map { _ in
            pace.note(.delivered)
            return pace.restUnnoted(random: 0)
        }
        #expect(rests == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map { Milliseconds.seconds($0) })
        pace.noted()
        let first = pace.restUnnoted(random: 0)
        #expect(first == .seconds(1))
    }

    @Test("an event waits for each earlier one of its session and of its user")
    func order() {
        /// Session, user, whether it is due, whether it may go.
        let rows: [(String?, String?, Bool, Bool)] = [
            ("a", "u", true, true), ("a", "u", true, false), ("b", "u", true, false),
            // The end of all sessions of the user waits too.
            (nil, "u", true, false),
            // b waits for u, so w waits for b.
            ("b", "w", true, false), ("c", "w", true, false),
            ("d", "x", true, true), ("e", "y", false, false),
            // The first event of y is not due yet.
            ("f", "y", true, false),
        ]
        var order = EventOrder()
        for (handle, user, isDue, expected) in rows {
            let event = AuditEvent(
                name: .revoked, time: Sample.now, handle: handle.map(SessionHandle.init), userID: user.map(UserID.init))
            let isAdmitted = order.admits(event, isDue: isDue)
            #expect(isAdmitted == expected, "\(handle ?? "-") \(user ?? "-")")
        }
    }

    /// Body, and what is read of it (RFC 8936 2.2); `nil` is refused.
    static let bodies: [(body: String, expected: PollRequest?)] = [
        ("{}", PollRequest()), (#"{"x":1}"#, PollRequest()),
        (#"{"maxEvents":0}"#, made { $0.maxEvents = 0 }), (#"{"maxEvents":7}"#, made { $0.maxEvents = 7 }),
        (#"{"maxEvents":99999999999}"#, PollRequest()), (#"{"maxEvents":-1}"#, nil), (#"{"maxEvents":"1"}"#, nil),
        (#"{"maxEvents":1.5}"#, nil), (#"{"maxEvents":null}"#, nil), (#"{"maxEvents":1e999}"#, nil),
        (#"{"returnImmediately":true}"#, made { $0.returnsImmediately = true }),
        (#"{"returnImmediately":"true"}"#, nil),
        (#"{"ack":["a","b","a"]}"#, made { $0.acknowledged = ["a", "b"] }), (#"{"ack":"a"}"#, nil),
        (#"{"ack":[1]}"#, nil), (#"{"ack":["\ud800"]}"#, nil),
        (#"{"setErrs":{"j":{"err":"invalid_key","description":"d"}}}"#, made { $0.refused = ["j": "invalid_key"] }),
        (#"{"setErrs":{"j":{"err":"s3cret"}}}"#, made { $0.refused = ["j": "(a code that is not shown)"] }),
        (#"{"setErrs":{"j":"invalid_key"}}"#, nil), (#"{"setErrs":["j"]}"#, nil), ("", nil), ("[]", nil),
        ("null", nil), (#"{"ack":[]"#, nil), (#"{"ack":[],"ack":[]}"#, nil), ("{}{}", nil),
    ]

    private static func made(_ change: (inout PollRequest) -> Void) -> PollRequest {
        var request = PollRequest()
        change(&request)
        return request
    }

    @Test("what a receiver may ask", arguments: bodies.indices)
    func polls(index: Int) {
        let row = Self.bodies[index]
        #expect((try? PollRequest(Array(row.body.utf8))) == row.expected, "\(row.body)")
    }

    @Test("a poll answers with the oldest, and an acknowledged event makes way for the next of its session")
    func round() throws {
        func event(_ user: String) -> AuditEvent {
            AuditEvent(name: .revoked, time: Sample.now, handle: SessionHandle(user), userID: UserID(user))
        }
        var request = PollRequest()
        (request.maxEvents, request.acknowledged, request.refused) = (2, ["1", "gone"], ["3": "invalid_key"])
        var round = PollRound(request)
        var judgements: [PollRound.Judgement] = []
        var isComplete: [Bool] = []
        for (user, id) in [("u", "1"), ("u", "2"), ("w", "3"), ("u", "4"), ("w", "5"), ("x", "6"), ("y", "gone")] {
            judgements.append(round.judge(event(user), id))
            isComplete.append(round.isComplete)
        }
        #expect(
            judgements == [.acknowledged, .sent, .refused("invalid_key"), .held, .sent, .held, .acknowledged])
        // What is acknowledged may come later than the last that is sent.
        #expect(isComplete == [false, false, false, false, false, false, true] && round.hasMore)
    }
}
