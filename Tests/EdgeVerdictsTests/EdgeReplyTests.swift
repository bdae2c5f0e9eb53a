import Foundations
import LosslessJSON
import SessionEngine
import Testing

@testable import EdgeVerdicts

@Suite("One verdict and its answers (docs/verify.md)")
struct EdgeReplyTests {
    static let verdicts: [(verdict: EdgeVerdict, status: Int, field: EdgeReply.Field?, introspected: Int)] = [
        (.inactive(.missing), 401, challenge("Bearer"), 200),
        (.inactive(.contradictory), 401, challenge(#"Bearer error="invalid_token""#), 200),
        (.inactive(.invalid), 401, challenge(#"Bearer error="invalid_token""#), 200),
        (.inactive(.notAnAccessToken), 401, challenge(#"Bearer error="invalid_token""#), 200),
        (.inactive(.ended), 401, challenge(#"Bearer error="invalid_token""#), 200),
        (.inactive(.expired), 401, challenge(#"Bearer error="invalid_token", error_description="expired""#), 200),
        (.untrusted, 403, nil, 200),
        (
            .levelTooLow("aal2"), 403,
            challenge(#"Bearer error="insufficient_user_authentication", acr_values="aal2""#), 200
        ),
        (
            .levelTooLow("a\" x=\"\r\nTessera-User-Id: root"), 403,
            challenge(#"Bearer error="insufficient_user_authentication""#), 200
        ),
        (.levelTooLow(""), 403, challenge(#"Bearer error="insufficient_user_authentication""#), 200),
        (.proofNeeded(nonce: nil), 401, challenge(#"DPoP error="invalid_dpop_proof", algs="ES256""#), 200),
        (.proofNeeded(nonce: "n"), 401, challenge(#"DPoP error="use_dpop_nonce", algs="ES256""#), 200),
        (.unavailable, 503, EdgeReply.Field("Retry-After", "1"), 503),
    ]

    private static func challenge(_ value: String) -> EdgeReply.Field { EdgeReply.Field("WWW-Authenticate", value) }

    @Test("every verdict but a good one, for a proxy and for a client of OAuth")
    func table() {
        for (verdict, status, field, introspected) in Self.verdicts {
            let reply = EdgeReply.authorization(verdict)
            #expect(reply.status == status && reply.fields.first == field && reply.body == nil, "\(verdict)")
            #expect(EdgeReply.authorization(verdict, success: 200) == reply)
            let other = EdgeReply.introspection(verdict)
            #expect(other.status == introspected, "\(verdict)")
            #expect(other.body == (introspected == 200 ? ["active": false] : nil))
            #expect(EdgeVerdict.names.contains(verdict.name))
        }
        let nonce = EdgeReply.authorization(.proofNeeded(nonce: "n")).fields
        #expect(nonce.contains(EdgeReply.Field("DPoP-Nonce", "n")))
        #expect(Set(EdgeVerdict.names).count == EdgeVerdict.names.count)
    }

    @Test("no name of a user or a tenant can write a field")
    func escapes() {
        let names = ["alice", "a b", "a\r\nX-Admin: 1", "é\u{301}", "a,b;c=\"d\"", "%41", "\0", "👩‍👩‍👧", "a\u{2028}b", ""]
        for name in names {
            let claims = EdgeSample.claims(user: name, tenant: TenantID(name))
            let reply = EdgeReply.authorization(.active(EdgeSession(claims: claims, payload: [:])))
            #expect(
                reply.status == 204
                    && reply.fields.map(\.name) == ["Tessera-User-Id", "Tessera-Session", "Tessera-Tenant"])
            for field in reply.fields {
                #expect(field.value.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x2C })
            }
            #expect(PercentEncoding.decode(reply.fields[0].value.utf8) == name)
        }
        let session = EdgeSession(claims: EdgeSample.claims(user: "alice"), payload: [:])
        let reply = EdgeReply.authorization(.active(session), success: 200)
        #expect(reply.status == 200 && reply.fields[0].value == "alice" && reply.fields[1].value == EdgeSample.handle)
    }

    @Test("introspection shows the members that the core shows, and nothing else of a payload")
    func members() {
        let payload: JSONObject = [
            "secret": 1, "act": ["sub": "x"], "acr": "aal2", "iss": "https://i", "sub": "not this", "exp": 1,
            "amr": ["pwd"], "auth_time": 5,
        ]
        let body = EdgeReply.introspection(.active(EdgeSample.session(payload))).body
        #expect(
            body == [
                "active": true, "sub": "u1", "sid": .string(EdgeSample.handle), "iat": 1_700_000_000,
                "exp": 1_700_003_600, "token_type": "Bearer", "tessera_tenant": "public", "iss": "https://i",
                "acr": "aal2", "amr": ["pwd"], "auth_time": 5, "act": ["sub": "x"],
            ])
        let bound = EdgeReply.introspection(.active(EdgeSample.session(["cnf": ["jkt": "k"]]))).body
        #expect(bound?["token_type"] == "DPoP" && bound?["cnf"] == ["jkt": "k"])
    }

    @Test("a level or a higher one of aal1 to aal3; any other is compared as it is")
    func levels() {
        let cases: [(has: JSONValue?, wanted: String, isEnough: Bool)] = [
            ("aal1", "aal1", true), ("aal2", "aal1", true), ("aal3", "aal2", true), ("aal1", "aal2", false),
            ("aal2", "aal3", false), (nil, "aal1", false), ("gold", "gold", true), ("gold", "aal1", false),
            ("aal3", "gold", false), (2, "aal1", false), ("AAL2", "aal2", false), ("aal2", "", false),
        ]
        for (has, wanted, isEnough) in cases {
            var payload = JSONObject()
            if let has { payload.append("acr", has) }
            #expect(EdgeSample.session(payload).hasLevel(wanted) == isEnough, "\(has?.text ?? "-") \(wanted)")
        }
    }

    @Test("the cross product of token place, method, origin, anti-CSRF token and level")
    func product() {
        for isCookie in [true, false] {
            for method in ["GET", "POST", nil] {
                for origin in EdgeRequestTests.origins {
                    for (expected, presented) in [(nil, nil), ("t", nil), ("t", "t"), ("t", "u"), (nil, "u")] {
                        for level in ["aal1", "aal3"] {
                            check(isCookie, method, origin, expected, presented, level)
                        }
                    }
                }
            }
        }
    }

    private func check(
        _ isCookie: Bool, _ method: String?, _ origin: (site: String?, origin: String?, isTrusted: Bool),
        _ expected: String?, _ presented: String?, _ level: String
    ) {
        let fields = [
            ("x-original-method", method), ("sec-fetch-site", origin.site), ("origin", origin.origin),
            ("anti-csrf", presented),
        ].compactMap { name, value in value.map { (name, $0) } }
        let session = EdgeSample.session(["acr": "aal2"], antiCSRFToken: expected)
        let verdict = EdgeVerdict.on(
            session, isCookie: isCookie, of: EdgeSample.request(fields, levels: [level]), trusting: [EdgeSample.origin])
        let writes = isCookie && method != "GET"
        let isRefused = writes && (!origin.isTrusted || (expected != nil && presented != expected))
        let good: EdgeVerdict = level == "aal1" ? .active(session) : .levelTooLow("aal3")
        #expect(verdict == (isRefused ? .untrusted : good), "\(isCookie) \(fields) \(level)")
    }

    @Test("each of several levels has to be reached")
    func severalLevels() {
        let session = EdgeSample.session(["acr": "aal2"])
        let request = EdgeSample.request([("x-original-method", "GET")], levels: ["aal1", "aal3"])
        let verdict = EdgeVerdict.on(session, isCookie: false, of: request, trusting: [])
        #expect(verdict == .levelTooLow("aal3"))
    }
}
