import LosslessJSON
import Testing

@testable import SessionEngine

@Suite("What the formats carry (docs/specification/core.md 2.2, 2.3 and 2.5)")
struct ClaimsTests {
    static let names: [(AccessTokenFormat, [String])] = [
        (.v1, ["sessionHandle", "userId", "refreshTokenHash1", "userData", "expiryTime", "timeCreated"]),
        (.v2, ["sessionHandle", "userId", "refreshTokenHash1", "userData", "expiryTime", "timeCreated"]),
        (.v3, ["iat", "exp", "sub"] + lineage), (.v4, ["iat", "exp", "sub", "tId"] + lineage),
        (.v5, ["iat", "exp", "sub", "tId", "rsub"] + lineage),
    ]
    private static let lineage = ["sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken"]

    @Test("The members come in the recorded order, the payload last", arguments: names)
    func order(_ format: AccessTokenFormat, _ names: [String]) throws {
        let object = try #require(try payload(of: Sample.claims(format)))
        #expect(object.names == names + (format.isLegacy ? [] : ["k"]))
    }

    @Test("Legacy forms leave null out, newer ones write it", arguments: AccessTokenFormat.allCases)
    func nulls(_ format: AccessTokenFormat) throws {
        let object = try #require(try payload(of: Sample.claims(format)))
        for name in ["parentRefreshTokenHash1", "antiCsrfToken"] {
            #expect(object[name] == (format.isLegacy ? nil : .null), "\(name)")
        }
        let full = try #require(try payload(of: Sample.claims(format, parent: "R", antiCSRFToken: "c")))
        #expect(full["antiCsrfToken"] == "c")
        #expect(full["parentRefreshTokenHash1"]?.string == Sample.hash("R").hex)
    }

    @Test("Times are ms in legacy forms and whole seconds in newer ones", arguments: AccessTokenFormat.allCases)
    func times(_ format: AccessTokenFormat) throws {
        let time = Timestamp(milliseconds: 1_700_000_000_999)
        let claims = Sample.claims(format, issuedAt: time, expiresAt: time + Sample.hour)
        let object = try #require(try payload(of: claims))
        let (issued, expires) = format.isLegacy ? ("timeCreated", "expiryTime") : ("iat", "exp")
        #expect(object[issued]?.number?.text == (format.isLegacy ? "1700000000999" : "1700000000"))
        #expect(object[expires]?.number?.text == (format.isLegacy ? "1700003600999" : "1700003600"))
        #expect(claims.expiresAt.milliseconds == (format.isLegacy ? 1_700_003_600_999 : 1_700_003_600_000))
    }

    @Test("A far expiry is written as plain digits", arguments: AccessTokenFormat.allCases)
    func farExpiry(_ format: AccessTokenFormat) throws {
        for milliseconds in [4_102_444_800_000, 10_000_000_000_000_000, Int64.max] {
            let claims = Sample.claims(format, expiresAt: Timestamp(milliseconds: milliseconds))
            let text = try #require(try payload(of: claims)?[format.isLegacy ? "expiryTime" : "exp"]?.number).text
            #expect(text == String(format.isLegacy ? milliseconds : milliseconds / 1_000))
        }
    }

    static let protected: [(AccessTokenFormat, Set<String>)] = [
        (.v3, Set(["iat", "exp", "sub"] + lineage)), (.v4, Set(["iat", "exp", "sub", "tId"] + lineage)),
        (.v5, Set(["iat", "exp", "sub", "tId", "rsub"] + lineage)),
    ]

    @Test("Each format protects its own claims and no others", arguments: protected)
    func protectedClaims(_ format: AccessTokenFormat, _ names: Set<String>) {
        #expect(format.protectedClaims == names)
        for name in ["iat", "exp", "sub", "tId", "rsub", "userId", "lmrt", "iss", "EXP"] + Self.lineage {
            #expect(format.accepts([name: 1] as JSONObject) == !names.contains(name), "\(name)")
            #expect(format.accepts(JSONObjectText([name: nil])) == !names.contains(name), "\(name)")
        }
        #expect(format.accepts(["in": ["sub": 1]] as JSONObject))
    }

    @Test("Legacy forms protect nothing at creation", arguments: [AccessTokenFormat.v1, .v2])
    func legacyProtectsNothing(_ format: AccessTokenFormat) {
        #expect(
            format.protectedClaims == ["userId", "expiryTime", "timeCreated", "sessionHandle", "refreshTokenHash1"])
        for name in format.protectedClaims { #expect(format.accepts([name: 1] as JSONObject)) }
    }

    @Test("For V3 tId is the application's, for V4 rsub is")
    func ordinaryClaims() throws {
        let v3 = try reread(Sample.claims(.v3, userData: ["tId": "t1", "rsub": "x"]))
        #expect(v3.tenantID == .public)
        #expect(try v3.userData.decoded() == ["tId": "t1", "rsub": "x"])
        var v4 = Sample.claims(.v4, userData: ["rsub": "x"])
        v4.tenantID = TenantID("t1")
        let read = try reread(v4)
        #expect(read.tenantID == TenantID("t1"))
        #expect(read.recipeUserID == UserID("u1"))
        #expect(try read.userData.decoded() == ["rsub": "x"])
    }

    @Test("A primary user and a recipe user are kept apart in V5 only")
    func recipeUser() throws {
        for format in AccessTokenFormat.allCases {
            var claims = Sample.claims(format)
            claims.recipeUserID = UserID("recipe")
            let read = try reread(claims)
            #expect(read.recipeUserID == UserID(format == .v5 ? "recipe" : "u1"))
        }
    }

    private func reread(_ claims: AccessTokenClaims) throws -> AccessTokenClaims {
        try AccessTokenClaims(object: (try? JSONValue(parsing: try claims.payload()))?.object, format: claims.format)
    }

    @Test("A renewal has a new life and no parent; a reissue keeps both", arguments: AccessTokenFormat.allCases)
    func renewals(_ format: AccessTokenFormat) {
        let old = Sample.claims(format, parent: "R-1", antiCSRFToken: "c")
        let later = Sample.now + .seconds(60)
        let payload = JSONObjectText(["new": true])
        var reissued = old
        (reissued.userData, reissued.issuedAt) = (payload, later)
        #expect(TokenIssue.reissue(of: old, payload: payload, issuedAt: later) == reissued)
        var renewed = reissued
        (renewed.expiresAt, renewed.parentRefreshTokenHash) = (later + Sample.hour, nil)
        let renewal = TokenIssue.renewal(of: old, payload: payload, issuedAt: later, expiresAt: later + Sample.hour)
        #expect(renewal == renewed)
    }
}
