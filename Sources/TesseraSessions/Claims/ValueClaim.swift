import LosslessJSON
public import SessionEngine

/// A claim of one value: a Boolean, a number, a text, a date, an enumeration or any other `Codable` type.
///
/// ```swift
/// let plan = ValueClaim("plan", maxAge: .minutes(5)) { userID in try await accounts.plan(of: userID) }
/// ```
public struct ValueClaim<Value: Codable & Sendable>: SessionClaim {
    /// Its name in the payload.
    public let key: String
    /// After what time its requirements fetch it again, where they do not say; `nil` is never.
    public let maxAge: Duration?
    private let fetchValue: @Sendable (ClaimSubject) async throws -> Value?

    /// A claim that depends on the user alone.
    ///
    /// - Parameters:
    ///   - key: its name in the payload, for front ends too.
    ///   - maxAge: after what time it is fetched again where a route asks for it; `nil` is never.
    ///   - value: finds the value; `nil` leaves the payload as it is.
    public init(
        _ key: String, maxAge: Duration? = nil, value: @escaping @Sendable (_ userID: UserID) async throws -> Value?
    ) {
        self.init(key: key, maxAge: maxAge) { try await value($0.userID) }
    }

    /// A claim that depends on the session too: its tenant, its login method, its payload.
    ///
    /// - Parameters:
    ///   - key: its name in the payload, for front ends too.
    ///   - maxAge: after what time it is fetched again where a route asks for it; `nil` is never.
    ///   - fetch: finds the value; `nil` leaves the payload as it is.
    public init(
        key: String, maxAge: Duration? = nil, fetch: @escaping @Sendable (ClaimSubject) async throws -> Value?
    ) {
        self.key = key
        self.maxAge = maxAge
        fetchValue = fetch
    }

    public func fetch(for subject: ClaimSubject) async throws -> Value? { try await fetchValue(subject) }

    /// The claim must have a value.
    ///
    /// - Parameters:
    ///   - value: the value.
    ///   - maxAge: how old it may be; `nil` takes the claim's own.
    ///   - id: the requirement's name; `nil` takes the claim's.
    public func hasValue(_ value: Value, maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        let expected = expectation(value)
        return requirement(maxAge ?? self.maxAge, id, expected: ("expectedValue", expected)) { _, written in
            expected.isEquivalent(to: written) ? nil : "expectedValue"
        }
    }

    /// The claim must be as a closure wants it.
    ///
    /// - Parameters:
    ///   - expectation: what is wanted, in words for the front end (`expectedValue` of its error).
    ///   - maxAge: how old it may be; `nil` takes the claim's own.
    ///   - id: the requirement's name; `nil` takes the claim's.
    ///   - condition: judges the value.
    public func satisfies(
        _ expectation: String, maxAge: Duration? = nil, id: String? = nil,
        _ condition: @escaping @Sendable (Value) -> Bool
    ) -> SessionRequirement {
        requirement(maxAge ?? self.maxAge, id, expected: ("expectedValue", .string(expectation))) { value, _ in
            condition(value) ? nil : "expectedValue"
        }
    }
}

/// A claim that is true or false.
public typealias BooleanClaim = ValueClaim<Bool>

extension ValueClaim<Bool> {
    /// The claim must be true.
    public func isTrue(maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        hasValue(true, maxAge: maxAge, id: id)
    }

    /// The claim must be false.
    public func isFalse(maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        hasValue(false, maxAge: maxAge, id: id)
    }
}

extension SessionClaim {
    /// A value as an error shows it; a value that JSON cannot hold is never found.
    func expectation(_ value: Value) -> JSONValue { (try? encode(value)) ?? .null }

    /// A requirement on this claim: it is there, it is recent enough, and it is as it should be, in this order.
    func requirement(
        _ maxAge: Duration?, _ id: String?, expected: (name: String, value: JSONValue),
        failing: @escaping @Sendable (Value, JSONValue) -> String?
    ) -> SessionRequirement {
        SessionRequirement(
            id: id ?? key,
            rule: ClaimCondition(claim: self, maxAge: maxAge, expectation: expected, failing: failing))
    }
}
