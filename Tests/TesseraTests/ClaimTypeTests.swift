import Foundation
import LosslessJSON
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Claims of plain types")
struct ClaimTypeTests {
    enum Plan: String, Codable, Sendable { case free, pro }
    struct Address: Codable, Sendable, Equatable { var city: String }

    private static let start = Date(timeIntervalSince1970: 1_700_000_000)

    @Test("finding S13: numbers, texts, dates, enumerations and structures are claims")
    func types() async throws {
        let claims: [any SessionClaim] = [
            ValueClaim<Int>("int") { _ in 3 }, ValueClaim<Double>("double") { _ in 1.5 },
            ValueClaim<Date>("date") { _ in Self.start }, ValueClaim("plan") { _ in Plan.pro },
            ValueClaim("address") { _ in Address(city: "Ghent") }, ListClaim("plans") { _ in [Plan.free, .pro] },
            ValueClaim("name") { userID in "Dr. \(userID)" }, BooleanClaim("yes") { _ in true },
        ]
        let test = try await TestSessions(claims: claims)
        let session = try await test.sessions.create(userID: "u")
        let time = test.clock.time.milliseconds
        let values: [(String, String)] = [
            ("int", "3"), ("double", "1.5"), ("date", "1700000000000"), ("plan", #""pro""#),
            ("address", #"{"city":"Ghent"}"#), ("plans", #"["free","pro"]"#), ("name", #""Dr. u""#), ("yes", "true"),
        ]
        for (key, text) in values { #expect(session.payload[key]?.text == #"{"v":\#(text),"t":\#(time)}"#) }
        #expect(session.value(of: ValueClaim<Plan>("plan") { _ in nil }) == .pro)
        #expect(session.value(of: ValueClaim<Date>("date") { _ in nil }) == Self.start)
        #expect(session.value(of: ValueClaim<Address>("address") { _ in nil }) == Address(city: "Ghent"))
        #expect(session.value(of: ValueClaim<Int>("double") { _ in nil }) == nil)
    }

    private static let age = ValueClaim<Int>("age") { _ in nil }
    private static let plan = ValueClaim<Plan>("plan") { _ in nil }

    /// A requirement, a value in the payload, and what the front end is told.
    static let rows: [(SessionRequirement, JSONValue?, String?)] = [
        (age.satisfies("at least 18") { $0 >= 18 }, 18, nil),
        (
            age.satisfies("at least 18") { $0 >= 18 }, 17,
            #"{"message":"wrong value","expectedValue":"at least 18","actualValue":17}"#
        ),
        (
            age.satisfies("at least 18") { $0 >= 18 }, "old",
            #"{"message":"value does not exist","expectedValue":"at least 18"}"#
        ),
        (plan.hasValue(.pro), "pro", nil),
        (plan.hasValue(.pro), "free", #"{"message":"wrong value","expectedValue":"pro","actualValue":"free"}"#),
        (plan.hasValue(.pro), nil, #"{"message":"value does not exist","expectedValue":"pro"}"#),
        (
            ValueClaim<Double>("plan") { _ in nil }.hasValue(.nan), 1.5,
            #"{"message":"wrong value","expectedValue":null,"actualValue":1.5}"#
        ),
        (
            ListClaim<Double>("plan") { _ in nil }.excludes(.nan), [1.5],
            #"{"message":"wrong value","expectedToNotInclude":null,"actualValue":[1.5]}"#
        ),
        (ListClaim<Plan>("plan") { _ in nil }.includes(.pro), ["pro"], nil),
        (SessionRequirement("own") { $0["plan"] != nil }, ["x"], nil),
        (SessionRequirement("own") { $0["plan"] != nil }, nil, #"{"message":"wrong value"}"#),
        (SessionRequirement(id: "own") { _ in ["message": "on holiday"] }, nil, #"{"message":"on holiday"}"#),
        (.session, nil, nil),
    ]

    @Test("finding S13: conditions by closure, and on values of any type", arguments: rows.indices)
    func conditions(row: Int) async {
        let (requirement, value, expected) = Self.rows[row]
        let entry: JSONValue = ["v": value ?? .null, "t": 0]
        let payload: JSONObject = value == nil ? [:] : ["plan": entry, "age": entry]
        let found = await requirement.rule.problem(payload, at: Timestamp(milliseconds: 0))
        #expect(found?.text == expected)
    }

    @Test("finding S13: a value that JSON cannot hold is refused, and never stored as something else")
    func unstorable() async throws {
        let claim = ValueClaim<Double>("d") { _ in .infinity }
        let test = try await TestSessions(claims: [claim])
        await #expect(throws: SessionError.badInput("claim d: it: JSON has no number for it")) {
            try await test.sessions.create(userID: "u")
        }
    }

    @Test("finding S13: step-up by the time of the last proof: at sign-in, and again when it is asked for")
    func freshness() async throws {
        let test = try await TestSessions()
        let (session, _) = try await test.signIn("u")
        let fresh = SessionRequirement.fresh(within: .minutes(10))
        test.clock.advance(by: .minutes(9))
        try await session.require(fresh)
        #expect(session.payload["auth-time"]?.object?["v"] == .integer(test.clock.time.milliseconds - 540_000))
        test.clock.advance(by: .minutes(2))
        await #expect {
            try await session.require(fresh)
        } throws: { error in
            (error as? SessionError)?.claimErrors.map(\.id) == ["auth-time"]
                && (error as? SessionError)?.claimErrors.first?.reason
                    == ["message": "expired", "ageInSeconds": 660, "maxAgeInSeconds": 600]
        }
        try await session.markAuthenticated()
        try await session.require(fresh)
        let refreshed = try await test.sessions.refresh(refreshToken: try #require(session.refreshToken))
        try await refreshed.require(fresh)
        test.clock.advance(by: .minutes(11))
        await #expect(throws: SessionError.self) { try await refreshed.require(fresh) }
    }

    @Test("finding S13: all sessions of a user in one call, oldest first, with dates")
    func list() async throws {
        let test = try await TestSessions()
        let first = try await test.sessions.create(userID: "u", payload: ["device": "phone"])
        test.clock.advance(by: .days(1))
        let second = try await test.sessions.create(userID: "u")
        _ = try await test.sessions.create(userID: "other")
        let list = try await test.sessions.list(of: "u")
        #expect(list.map(\.handle) == [first.handle, second.handle])
        #expect(list.last?.createdAt == test.clock.date && list.first?.payload["device"] == "phone")
        #expect(list.allSatisfy { $0.expiresAt.timeIntervalSince($0.createdAt) == 100 * 86_400 })
        try await first.revoke()
        #expect(try await test.sessions.list(of: "u").map(\.handle) == [second.handle])
    }
}
