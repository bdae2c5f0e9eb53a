/// The versions that an operator lets drivers speak (docs/specification/core.md 1.1 and 7.1).
public struct VersionBounds: Sendable, Hashable {
    /// What is wrong with a bound.
    public enum Problem: Error, Sendable, Hashable {
        /// It is not the text of a version.
        case notAVersion
        /// It is a version that this core does not speak.
        case notSupported
        /// The lower bound is above the upper one.
        case contradictory
    }

    private let minimum: CDIVersion?
    private let maximum: CDIVersion?

    /// Every version.
    public static let all = VersionBounds(minimum: nil, maximum: nil)

    private init(minimum: CDIVersion?, maximum: CDIVersion?) {
        self.minimum = minimum
        self.maximum = maximum
    }

    /// The versions from one on.
    public init(from text: String) throws(Problem) {
        self.init(minimum: try Self.version(text), maximum: nil)
    }

    /// The versions up to one.
    public init(through text: String) throws(Problem) {
        self.init(minimum: nil, maximum: try Self.version(text))
    }

    /// The versions that two bounds admit; where both have the same bound, that of `other` holds.
    public func narrowed(by other: VersionBounds) throws(Problem) -> VersionBounds {
        let both = VersionBounds(minimum: other.minimum ?? minimum, maximum: other.maximum ?? maximum)
        if let minimum = both.minimum, let maximum = both.maximum, !Availability(introduced: minimum).contains(maximum)
        {
            throw .contradictory
        }
        return both
    }

    private static func version(_ text: String) throws(Problem) -> CDIVersion {
        guard let version = CDIVersion(text) else { throw .notAVersion }
        guard Catalogue.supported.contains(version) else { throw .notSupported }
        return version
    }

    /// The versions that this core speaks within the bounds, oldest first.
    public var versions: [CDIVersion] {
        Catalogue.supported.filter { isReached(by: $0) && !isExceeded(by: $0) }
    }

    /// Whether a version is not below the lower bound.
    private func isReached(by version: CDIVersion) -> Bool {
        Availability(introduced: minimum).contains(version)
    }

    /// Whether a version is above the upper bound.
    private func isExceeded(by version: CDIVersion) -> Bool {
        maximum.map(Availability(obsoleted: version).contains) ?? false
    }

    /// Refuses a version out of bounds.
    ///
    /// - Throws: ``InvalidRequest`` with the text of cores since 12.0.8.
    func check(_ version: CDIVersion) throws(InvalidRequest) {
        guard !isExceeded(by: version) else { throw InvalidRequest("cdi-version \(version) not supported") }
        guard let minimum, !isReached(by: version) else { return }
        throw InvalidRequest("cdi-version \(version) is lower than the minimum allowed version \(minimum)")
    }

    /// The version of a request that names none: the newest within the bounds where the family says so.
    func assumedVersion(_ family: Catalogue.Family) -> CDIVersion? {
        family == .recipe ? maximum ?? family.assumedVersion : family.assumedVersion
    }
}
