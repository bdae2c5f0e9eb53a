import LosslessJSON
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Claims (docs/specification/cases.md H)")
struct ClaimTests {
    private static let now = Timestamp(milliseconds: 1_767_225_600_000)
    private static let claim = ValueClaim<String>("c") { _ in "fetched" }
    private static let roles = ListClaim<String>("r") { _ in ["a", "b"] }

    private static func payload(_ key: String, _ value: JSONValue, age: Int64 = 0) -> JSONObject {
        [key: .object(["v": value, "t": .integer(now.milliseconds - age * 1_000)])]
    }

    private static func reason(_ requirement: SessionRequirement, _ payload: JSONObject) async -> String? {
        await requirement.rule.problem(payload, at: now)?.text
    }

    private static func isDue(_ requirement: SessionRequirement, _ payload: JSONObject) -> Bool {
        requirement.rule.dueClaim(payload, at: now) != nil
    }

    @Test("H1 to H3: a new session has the claims, beside the application's payload")
    func build() async throws {
        let yes = BooleanClaim("st-true") { _ in true }
        let nothing = BooleanClaim("nothing") { _ in nil }
        let test = try await TestSessions(claims: [yes, nothing])
        let session = try await test.sessions.create(userID: "u", payload: ["own": 1])
        #expect(session.payload["st-true"] == ["v": true, "t": .integer(test.clock.time.milliseconds)])
        #expect(session.payload["nothing"] == nil && session.payload["own"] == 1)
        #expect(throws: SessionError.self) {
            try Sessions(app: test.sessions.app, backend: test.backend, claims: [yes, yes])
        }
    }

    @Test("H4 to H7: a primitive claim is missing, wrong, too old, or as it should be")
    func primitive() async {
        let validator = Self.claim.hasValue("x")
        #expect(await Self.reason(validator, [:]) == #"{"message":"value does not exist","expectedValue":"x"}"#)
        #expect(
            await Self.reason(validator, Self.payload("c", "y"))
                == #"{"message":"wrong value","expectedValue":"x","actualValue":"y"}"#)
        let aged = Self.payload("c", "x", age: 100)
        #expect(
            await Self.reason(Self.claim.hasValue("x", maxAge: .seconds(10)), aged)
                == #"{"message":"expired","ageInSeconds":100,"maxAgeInSeconds":10}"#)
        #expect(await Self.reason(validator, aged) == nil)
        #expect(validator.id == "c" && Self.claim.hasValue("x", id: "own").id == "own")
    }

    @Test("H8 and H9: when a claim is fetched anew")
    func fetching() {
        let aged = Self.payload("c", "x", age: 100)
        let brief = ValueClaim<String>("c", maxAge: .seconds(10)) { _ in nil }
        #expect(Self.isDue(Self.claim.hasValue("x"), [:]))
        #expect(Self.isDue(Self.claim.hasValue("x", maxAge: .seconds(10)), aged))
        #expect(!Self.isDue(Self.claim.hasValue("x"), aged))
        #expect(!Self.isDue(Self.claim.hasValue("x", maxAge: .seconds(1_000)), aged))
        #expect(Self.isDue(brief.hasValue("x"), aged))
        #expect(!Self.isDue(brief.hasValue("x", maxAge: .seconds(1_000)), aged))
    }

    /// A validator, values, and the name under which the expectation is told, or nothing.
    static let arrays: [(SessionRequirement, JSONValue?, String?)] = [
        (roles.includes("a"), ["a", "b"], nil), (roles.includes("x"), ["a"], "expectedToInclude"),
        (roles.includes("x"), nil, "expectedToInclude"), (roles.excludes("x"), ["a"], nil),
        (roles.excludes("a"), ["a"], "expectedToNotInclude"), (roles.excludes("a"), nil, "expectedToNotInclude"),
        (roles.includesAll(["a", "b"]), ["b", "a"], nil), (roles.includesAll(["a", "x"]), ["a"], "expectedToInclude"),
        (roles.includesAll([]), [], nil), (roles.excludesAll(["x"]), ["a"], nil), (roles.excludesAll([]), ["a"], nil),
        (roles.excludesAll(["x", "a"]), ["a"], "expectedToNotInclude"), (roles.includesAny(["a", "x"]), ["a"], nil),
        (roles.includesAny([]), ["a"], "expectedToIncludeAtLeastOneOf"),
        (roles.includesAny(["x"]), ["a"], "expectedToIncludeAtLeastOneOf"),
        (roles.includesAny(["x"]), nil, "expectedToNotInclude"),
    ]

    @Test("H10: array claims", arguments: arrays.indices)
    func array(row: Int) async {
        let (requirement, value, expected) = Self.arrays[row]
        let payload = value.map { Self.payload("r", $0) } ?? [:]
        let reason = await requirement.rule.problem(payload, at: Self.now)
        #expect((reason == nil) == (expected == nil))
        if let expected { #expect(reason?[expected] != nil && reason?.count == (value == nil ? 2 : 3)) }
    }

    @Test("H11 to H14: what is missing is fetched and kept; what stays wrong is told in order")
    func verification() async throws {
        let admin = ListClaim<String>("roles") { _ in ["admin"] }
        let never = BooleanClaim("never") { _ in false }
        let test = try await TestSessions(requirements: [admin.includes("admin")])
        let (session, _) = try await test.signIn("u")
        #expect(session.value(of: admin) == nil)
        let verified = try #require(try await test.sessions.session(accessToken: session.accessToken))
        #expect(verified.value(of: admin) == ["admin"] && verified.accessToken != session.accessToken)
        let found = try #require(try await test.sessions.information(on: session.handle))
        #expect(found.payload["roles"] != nil)
        let strict = VerifyOptions { global, _ in global + [never.isTrue(id: "one"), never.isTrue(id: "two")] }
        await #expect {
            try await test.sessions.session(accessToken: session.accessToken, options: strict)
        } throws: { error in
            guard case .invalidClaims(let errors)? = (error as? SessionError)?.kind else { return false }
            return errors.map(\.id) == ["one", "two"]
        }
        let none = VerifyOptions { _, _ in [] }
        #expect(try await test.sessions.session(accessToken: session.accessToken, options: none) != nil)
    }

    @Test("H15 and H16: claims of a session that no request belongs to")
    func byHandle() async throws {
        let claim = Self.claim
        let test = try await TestSessions()
        let handle = try await test.signIn("u").session.handle
        let subject = test.sessions
        #expect(try await subject.set(claim, to: "v", of: handle))
        #expect(try await subject.value(of: claim, handle: handle) == "v")
        #expect(try await subject.remove(claim, of: handle))
        #expect(try await subject.value(of: claim, handle: handle) == .some(nil))
        #expect(try await !subject.set(claim, to: "v", of: "unknown"))
        #expect(try await subject.value(of: claim, handle: "unknown") == nil)
        let wrong = try await subject.problems(of: handle, with: [claim.hasValue("other")])
        #expect(wrong?.map(\.id) == ["c"])
        #expect(try await subject.value(of: claim, handle: handle) == "fetched")
        #expect(try await subject.problems(of: "unknown", with: []) == nil)
    }

    @Test("a claim that cannot be fetched is a fault, never a word about the session")
    func fault() async throws {
        struct Down: Error {}
        let claim = BooleanClaim("down") { _ in throw Down() }
        let test = try await TestSessions(requirements: [claim.isTrue()])
        let (session, _) = try await test.signIn("u")
        await #expect(throws: SessionError.claimUnavailable(key: "down", reason: "Down()")) {
            try await test.sessions.session(accessToken: session.accessToken)
        }
    }
}
