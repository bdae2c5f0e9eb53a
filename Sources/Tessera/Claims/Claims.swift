public import LosslessJSON
public import SessionEngine

/// A type that a claim may hold.
public protocol ClaimValue: Sendable, Equatable {
    /// The value as JSON.
    var claimValue: JSONValue { get }
    /// The value from JSON; `nil` where that is of another type.
    init?(claimValue: JSONValue)
}

extension String: ClaimValue {
    /// A JSON string.
    public var claimValue: JSONValue { .string(self) }
    /// The text of a JSON string.
    public init?(claimValue: JSONValue) {
        guard let text = claimValue.string else { return nil }
        self = text
    }
}

extension Bool: ClaimValue {
    /// `true` or `false`.
    public var claimValue: JSONValue { .bool(self) }
    /// The value of a JSON Boolean.
    public init?(claimValue: JSONValue) {
        guard let bool = claimValue.bool else { return nil }
        self = bool
    }
}

extension Int64: ClaimValue {
    /// A JSON number.
    public var claimValue: JSONValue { .integer(self) }
    /// The value of a JSON number that is a whole one.
    public init?(claimValue: JSONValue) {
        guard let number = claimValue.number?.int64 else { return nil }
        self = number
    }
}

extension Int: ClaimValue {
    /// A JSON number.
    public var claimValue: JSONValue { .integer(Int64(self)) }
    /// The value of a JSON number that is a whole one.
    public init?(claimValue: JSONValue) {
        guard let number = claimValue.number?.int64 else { return nil }
        self.init(exactly: number)
    }
}

/// A claim of one value.
public struct PrimitiveClaim<Value: ClaimValue>: SessionClaim {
    /// Its name in the payload.
    public let key: String
    /// After what time its validators refetch it, where they do not say; `nil` is never.
    public let defaultMaxAge: Milliseconds?
    private let fetchValue: @Sendable (ClaimSubject) async throws -> Value?

    public init(
        key: String, defaultMaxAge: Milliseconds? = nil,
        fetch: @escaping @Sendable (ClaimSubject) async throws -> Value?
    ) {
        self.key = key
        self.defaultMaxAge = defaultMaxAge
        fetchValue = fetch
    }

    public func fetch(for subject: ClaimSubject) async throws -> Value? { try await fetchValue(subject) }
    /// The value as JSON.
    public func encode(_ value: Value) -> JSONValue { value.claimValue }
    /// The value from JSON.
    public func decode(_ value: JSONValue) -> Value? { Value(claimValue: value) }

    /// The claim must have a value.
    ///
    /// - Parameters:
    ///   - value: the value.
    ///   - maxAge: how old it may be; `nil` takes the claim's own.
    ///   - id: the validator's name; `nil` takes the claim's.
    public func hasValue(_ value: Value, maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        ConditionValidator(
            claim: self, id: id ?? key, maxAge: maxAge ?? defaultMaxAge,
            expectation: ("expectedValue", value.claimValue)
        ) { value.claimValue.isEquivalent(to: $0) ? nil : "expectedValue" }
    }
}

/// A claim that is true or false.
public typealias BooleanClaim = PrimitiveClaim<Bool>

extension PrimitiveClaim<Bool> {
    /// The claim must be true.
    public func isTrue(maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        hasValue(true, maxAge: maxAge, id: id)
    }

    /// The claim must be false.
    public func isFalse(maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        hasValue(false, maxAge: maxAge, id: id)
    }
}

/// A claim of several values.
public struct PrimitiveArrayClaim<Element: ClaimValue>: SessionClaim {
    /// Its name in the payload.
    public let key: String
    /// After what time its validators refetch it, where they do not say; `nil` is never.
    public let defaultMaxAge: Milliseconds?
    private let fetchValue: @Sendable (ClaimSubject) async throws -> [Element]?

    public init(
        key: String, defaultMaxAge: Milliseconds? = nil,
        fetch: @escaping @Sendable (ClaimSubject) async throws -> [Element]?
    ) {
        self.key = key
        self.defaultMaxAge = defaultMaxAge
        fetchValue = fetch
    }

    public func fetch(for subject: ClaimSubject) async throws -> [Element]? { try await fetchValue(subject) }
    /// The values as a JSON array.
    public func encode(_ value: [Element]) -> JSONValue { .array(value.map(\.claimValue)) }
    /// The values of a JSON array.
    public func decode(_ value: JSONValue) -> [Element]? {
        guard let elements = value.array else { return nil }
        let decoded = elements.compactMap(Element.init(claimValue:))
        return decoded.count == elements.count ? decoded : nil
    }

    /// One value must be among them.
    public func includes(_ value: Element, maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        validator(maxAge, id, missing: "expectedToInclude", value.claimValue) {
            $0.contains(value) ? nil : "expectedToInclude"
        }
    }

    /// One value must not be among them.
    public func excludes(_ value: Element, maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        validator(maxAge, id, missing: "expectedToNotInclude", value.claimValue) {
            $0.contains(value) ? "expectedToNotInclude" : nil
        }
    }

    /// All values must be among them.
    public func includesAll(_ values: [Element], maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        validator(maxAge, id, missing: "expectedToInclude", encode(values)) { present in
            values.allSatisfy(present.contains) ? nil : "expectedToInclude"
        }
    }

    /// None of the values may be among them.
    public func excludesAll(_ values: [Element], maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        validator(maxAge, id, missing: "expectedToNotInclude", encode(values)) { present in
            values.contains(where: present.contains) ? "expectedToNotInclude" : nil
        }
    }

    /// At least one of the values must be among them.
    ///
    /// A missing claim is reported under `expectedToNotInclude`, as front ends know it (docs/specification/sdk.md U6).
    public func includesAny(_ values: [Element], maxAge: Milliseconds? = nil, id: String? = nil) -> any ClaimValidator {
        validator(maxAge, id, missing: "expectedToNotInclude", encode(values)) { present in
            values.contains(where: present.contains) ? nil : "expectedToIncludeAtLeastOneOf"
        }
    }

    private func validator(
        _ maxAge: Milliseconds?, _ id: String?, missing: String, _ expected: JSONValue,
        failing: @escaping @Sendable ([Element]) -> String?
    ) -> any ClaimValidator {
        ConditionValidator(
            claim: self, id: id ?? key, maxAge: maxAge ?? defaultMaxAge, expectation: (missing, expected)
        ) { value in failing(decode(value) ?? []) }
    }
}

/// A condition on one claim: it is there, it is recent enough, and its value is as it should be, in this order.
struct ConditionValidator<Claim: SessionClaim>: ClaimValidator {
    let condition: Claim
    let id: String
    let maxAge: Milliseconds?
    /// The name and value that are reported when the claim is missing.
    let expectation: (name: String, value: JSONValue)
    /// The name under which the expected value is reported when the claim differs; `nil` when it matches.
    let failing: @Sendable (JSONValue) -> String?

    init(
        claim: Claim, id: String, maxAge: Milliseconds?, expectation: (String, JSONValue),
        failing: @escaping @Sendable (JSONValue) -> String?
    ) {
        condition = claim
        self.id = id
        self.maxAge = maxAge
        self.expectation = expectation
        self.failing = failing
    }

    var claim: (any SessionClaim)? { condition }

    func needsFetch(_ payload: JSONObject, at now: Timestamp) -> Bool {
        guard condition.value(in: payload) != nil else { return true }
        return maxAge.map { isOlder(than: $0, payload, at: now) } ?? false
    }

    func validate(_ payload: JSONObject, at now: Timestamp) async -> ClaimValidationError? {
        guard let value = condition.value(in: payload).map(condition.encode) else {
            return error(["message": "value does not exist", expectation.name: expectation.value])
        }
        if let maxAge, isOlder(than: maxAge, payload, at: now) {
            let age = condition.fetchedAt(in: payload).map { (now - $0).count / 1_000 } ?? 0
            return error([
                "message": "expired", "ageInSeconds": .integer(age), "maxAgeInSeconds": .integer(maxAge.count / 1_000),
            ])
        }
        return failing(value).map { name in
            error(["message": "wrong value", name: expectation.value, "actualValue": value])
        }
    }

    private func isOlder(than maxAge: Milliseconds, _ payload: JSONObject, at now: Timestamp) -> Bool {
        condition.fetchedAt(in: payload).map { now - $0 > maxAge } ?? true
    }

    private func error(_ reason: JSONObject) -> ClaimValidationError { ClaimValidationError(id: id, reason: reason) }
}
