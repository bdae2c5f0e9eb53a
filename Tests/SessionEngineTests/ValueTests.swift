import Foundations
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Times, hashes, names and secrets")
struct ValueTests {
    static let sums: [(Int64, Int64, Int64)] = [
        (0, 0, 0), (5, -7, -2), (.max, 1, .max), (.max, .max, .max), (.min, -1, .min), (.min, .min, .min),
        (.max, .min, -1), (.max - 1, 1, .max), (.min + 1, -1, .min),
    ]

    @Test("Sums saturate", arguments: sums)
    func adds(_ time: Int64, _ span: Int64, _ sum: Int64) {
        #expect((Timestamp(milliseconds: time) + Milliseconds(span)).milliseconds == sum)
        #expect((Milliseconds(time) + Milliseconds(span)).count == sum)
    }

    static let differences: [(Int64, Int64, Int64)] = [
        (0, 0, 0), (3, 5, -2), (.max, -1, .max), (.max, .min, .max), (.min, 1, .min), (.min, .max, .min),
        (0, .min, .max),
        (-1, .min, .max), (.min, .min, 0),
    ]

    @Test("Differences saturate", arguments: differences)
    func subtracts(_ left: Int64, _ right: Int64, _ difference: Int64) {
        #expect((Timestamp(milliseconds: left) - Timestamp(milliseconds: right)).count == difference)
        #expect((Milliseconds(left) - Milliseconds(right)).count == difference)
    }

    @Test(
        "Seconds saturate",
        arguments: [
            (0, 0), (1, 1_000), (-1, -1_000), (Int64.max, Int64.max), (.min, .min),
            (9_223_372_036_854_775, 9_223_372_036_854_775_000), (9_223_372_036_854_776, .max),
            (-9_223_372_036_854_776, .min),
        ])
    func seconds(_ count: Int64, _ milliseconds: Int64) {
        #expect(Milliseconds.seconds(count).count == milliseconds)
    }

    @Test("No schedule traps at the ends of time", arguments: [Int64.min, -1, 0, 1, .max], [Int64.min, 0, .max])
    func schedules(_ time: Int64, _ span: Int64) {
        let schedule = KeySchedule(updateInterval: Milliseconds(span), accessTokenValidity: Milliseconds(span))
        let created = Timestamp(milliseconds: time)
        #expect(schedule.signingEnd(ofKeyMadeAt: created) == created + Milliseconds(span))
        _ = schedule.retirement(ofKeyMadeAt: created)
        _ = KeyRing().cacheLifetimeSeconds(at: created, schedule: schedule)
        for format in AccessTokenFormat.allCases {
            let claims = Sample.claims(format, issuedAt: created, expiresAt: created + Milliseconds(span))
            #expect(throws: Never.self) { try claims.payload() }
        }
    }

    @Test("A token's hash is 64 lower-case digits", arguments: ["", "0", "A", "g", "é"])
    func hashes(_ last: String) {
        let start = String(repeating: "0", count: 64 - last.utf8.count)
        #expect((TokenHash(hex: start + last) != nil) == (last == "" || last == "0"))
        #expect(TokenHash(hex: start + last + "0") == nil)
        #expect(TokenHash(hex: String(start.dropLast())) == nil)
    }

    @Test("The stored hash is the hash of the hash's digits and of nothing else (T11)")
    func storedHash() {
        let hash = TokenHash(of: RefreshToken("abc"))
        #expect(hash.hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hash.stored == StoredTokenHash(stored: TokenHash(of: RefreshToken(hash.hex)).hex))
        #expect(hash.stored.hex != hash.hex)
    }

    @Test("Texts are compared by all of their bytes")
    func constantTime() {
        let texts = [
            "", "a", "b", "aa", "ab", "ba", "aaa", "a\u{0}", "\u{0}", "é", "e\u{301}", "aaaaaaaaaaaaaaaaaaaab",
        ]
        for (left, first) in texts.enumerated() {
            for (right, second) in texts.enumerated() {
                #expect(ConstantTime.equals(first, second) == (left == right), "\(first) and \(second)")
            }
        }
        #expect(!AntiCSRFToken("a").matches(nil))
        #expect(AntiCSRFToken("a").matches(AntiCSRFToken("a")))
    }

    @Test("A UUID is of version 4 and in lower case", arguments: 0..<20)
    func uuid(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let uuid = RandomText.uuid(using: &random)
        let groups = uuid.split(separator: "-")
        #expect(groups.map(\.count) == [8, 4, 4, 4, 12], "seed \(seed)")
        #expect(groups[2].first == "4" && "89ab".contains(groups[3].first ?? " "), "seed \(seed)")
        #expect(uuid == uuid.lowercased(), "seed \(seed)")
    }

    @Test("A handle names its tenant, unless that is the public one")
    func handles() {
        var random = SplitMix64(seed: 1)
        #expect(SessionHandle.make(tenant: .public, using: &random).rawValue.utf8.count == 36)
        #expect(SessionHandle.make(tenant: TenantID("t1"), using: &random).rawValue.hasSuffix("_t1"))
    }

    @Test("As many random bytes come as were asked for", arguments: 0..<40)
    func randomBytes(_ count: Int) {
        var random = SplitMix64(seed: 2)
        #expect(RandomText.bytes(count, using: &random).count == count)
    }

    @Test("Names of other bytes are other names, even if Swift calls the texts equal")
    func canonicalEquivalence() {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(UserID(composed) != UserID(decomposed))
        #expect(SessionHandle(composed) != SessionHandle(decomposed))
        #expect(Set([UserID(composed), UserID(decomposed)]).count == 2)
        #expect(UserID(composed) == UserID("caf\u{E9}"))
    }
}
