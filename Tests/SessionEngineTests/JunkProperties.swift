import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Properties of the decoders")
struct JunkProperties {
    @Test("No text makes a decoder trap, and none is a token", arguments: 0..<200 as Range<UInt64>)
    func junk(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let key = RefreshTokenKey(masterKey: "any")
        let (_, keys) = try Sample.signedToken(.v5, .es256)
        for _ in 0..<20 {
            let text = Self.text(&random)
            #expect(throws: AccessTokenProblem.self, "seed \(seed): \(text)") {
                try judge(text, keys, at: Sample.now).get()
            }
            #expect(throws: RefreshTokenProblem.self, "seed \(seed): \(text)") { try key.open(RefreshToken(text)) }
        }
    }

    private static func text(_ random: inout SplitMix64) -> String {
        let pieces = [
            ".", "..", "V2", ".V2", "eyJ0eXAiOiJKV1QifQ", "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0=.",
            "{\"typ\":\"JWT\"}", "AAAAAAAAAAAAAAAA", "====", "\u{0}", "é", "😀", "%00", "\r\n",
        ]
        return (0..<Int.random(in: 0...12, using: &random)).map { _ in
            random.chance(percent: 60)
                ? pieces.randomElement(using: &random) ?? ""
                : String(decoding: random.bytes(Int.random(in: 0...40, using: &random)), as: UTF8.self)
        }.joined()
    }

    @Test("Damaged JSON within a properly signed token does not trap", arguments: 0..<200 as Range<UInt64>)
    func damagedClaims(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let format = try #require(AccessTokenFormat.allCases.randomElement(using: &random))
        let healthy = try Sample.claims(format, parent: "R", antiCSRFToken: "c").payload()
        for _ in 0..<20 {
            var bytes = healthy
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            let claims = try? AccessTokenClaims(object: (try? JSONValue(parsing: bytes))?.object, format: format)
            if let claims { #expect(throws: Never.self, "seed \(seed)") { try claims.payload() } }
        }
    }

    @Test("Claims of any content come back from their token", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let format = try #require(AccessTokenFormat.allCases.randomElement(using: &random))
        let texts = ["", "u", "é\u{2028}\"\\", "😀", "null", String(repeating: "x", count: 300)]
        func text() -> String { texts.randomElement(using: &random) ?? "" }
        var claims = Sample.claims(
            format, token: text(), parent: Bool.random(using: &random) ? text() : nil,
            antiCSRFToken: Bool.random(using: &random) ? text() : nil,
            issuedAt: Timestamp(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random)),
            expiresAt: Timestamp(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &random)),
            userData: [
                "a": .string(text()), "b": [nil, true, .integer(Int64.random(in: .min ... .max, using: &random))],
            ])
        claims.userID = UserID(text())
        claims.recipeUserID = format == .v5 ? UserID(text()) : claims.userID
        let key = try TestKeys.signingKey(format.isLegacy || random.chance(percent: 20) ? .rs256 : .es256)
        let token = try AccessToken(signing: claims, with: key)
        let keys = VerificationKeys([key.verificationKey])
        #expect(try UnverifiedAccessToken(token.exposed).claims(verifiedBy: keys) == claims, "seed \(seed)")
    }
}
