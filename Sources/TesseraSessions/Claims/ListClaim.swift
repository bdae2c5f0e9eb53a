import LosslessJSON
public import SessionEngine

/// A claim of several values, such as the roles of a user.
///
/// ```swift
/// let roles = ListClaim("roles") { userID in try await accounts.roles(of: userID) }
/// ```
public struct ListClaim<Element: Codable & Sendable>: SessionClaim {
    /// Its name in the payload.
    public let key: String
    /// After what time its requirements fetch it again, where they do not say; `nil` is never.
    public let maxAge: Duration?
    private let fetchValues: @Sendable (ClaimSubject) async throws -> [Element]?

    /// A claim that depends on the user alone.
    ///
    /// - Parameters:
    ///   - key: its name in the payload, for front ends too.
    ///   - maxAge: after what time it is fetched again where a route asks for it; `nil` is never.
    ///   - values: finds the values; `nil` leaves the payload as it is.
    public init(
        _ key: String, maxAge: Duration? = nil,
        values: @escaping @Sendable (_ userID: UserID) async throws -> [Element]?
    ) {
        self.init(key: key, maxAge: maxAge) { try await values($0.userID) }
    }

    /// A claim that depends on the session too: its tenant, its login method, its payload.
    ///
    /// - Parameters:
    ///   - key: its name in the payload, for front ends too.
    ///   - maxAge: after what time it is fetched again where a route asks for it; `nil` is never.
    ///   - fetch: finds the values; `nil` leaves the payload as it is.
    public init(
        key: String, maxAge: Duration? = nil, fetch: @escaping @Sendable (ClaimSubject) async throws -> [Element]?
    ) {
        self.key = key
        self.maxAge = maxAge
        fetchValues = fetch
    }

    public func fetch(for subject: ClaimSubject) async throws -> [Element]? { try await fetchValues(subject) }

    /// One value must be among them.
    public func includes(_ value: Element, maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        condition([value], maxAge, id, missing: "expectedToInclude", isOne: true) { $0.all ? nil : "expectedToInclude" }
    }

    /// One value must not be among them.
    public func excludes(_ value: Element, maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        condition([value], maxAge, id, missing: "expectedToNotInclude", isOne: true) {
            $0.any ? "expectedToNotInclude" : nil
        }
    }

    /// All values must be among them.
    public func includesAll(_ values: [Element], maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        condition(values, maxAge, id, missing: "expectedToInclude") { $0.all ? nil : "expectedToInclude" }
    }

    /// None of the values may be among them.
    public func excludesAll(_ values: [Element], maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        condition(values, maxAge, id, missing: "expectedToNotInclude") { $0.any ? "expectedToNotInclude" : nil }
    }

    /// At least one of the values must be among them.
    ///
    /// A missing claim is reported under `expectedToNotInclude`, as front ends know it (docs/specification/sdk.md U6).
    public func includesAny(_ values: [Element], maxAge: Duration? = nil, id: String? = nil) -> SessionRequirement {
        condition(values, maxAge, id, missing: "expectedToNotInclude") {
            $0.any ? nil : "expectedToIncludeAtLeastOneOf"
        }
    }

    /// - Parameters:
    ///   - values: the values that are looked for.
    ///   - isOne: whether the value is shown alone.
    ///   - failing: the name under which the expected values are reported, given whether all and any were found.
    private func condition(
        _ values: [Element], _ maxAge: Duration?, _ id: String?, missing: String, isOne: Bool = false,
        failing: @escaping @Sendable (_ found: (all: Bool, any: Bool)) -> String?
    ) -> SessionRequirement {
        let wanted = expectation(values).array ?? []
        let shown = isOne ? wanted.first ?? .null : .array(wanted)
        return requirement(maxAge ?? self.maxAge, id, expected: (missing, shown)) { _, written in
            let present = written.array ?? []
            let isThere = wanted.map { value in present.contains { $0.isEquivalent(to: value) } }
            // What JSON cannot hold is nowhere, and a route that asks for it refuses.
            guard wanted.count == values.count else { return missing }
            return failing((!isThere.contains(false), isThere.contains(true)))
        }
    }
}
