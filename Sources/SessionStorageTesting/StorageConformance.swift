public import SessionStorage

/// What every `SessionStorage` has to do, as a list of checks that know no test framework.
///
/// Run each of ``checks`` over an empty storage, and each of ``isolationChecks`` over two empty storages of two apps in
/// one database. A check returns when the storage conforms and throws ``ConformanceFailure`` when it does not.
public enum StorageConformance {
    /// One promise of `SessionStorage`.
    public struct Check: Sendable, CustomStringConvertible {
        /// The promise as a sentence.
        public let name: String
        /// Holds an empty storage to it.
        public let run: @Sendable (any SessionStorage) async throws -> Void

        init(_ name: String, _ run: @escaping @Sendable (any SessionStorage) async throws -> Void) {
            self.name = name
            self.run = run
        }

        /// The promise.
        public var description: String { name }
    }

    /// One promise about two apps that share a database.
    public struct IsolationCheck: Sendable, CustomStringConvertible {
        /// The promise as a sentence.
        public let name: String
        /// Holds two empty storages to it.
        public let run: @Sendable (any SessionStorage, any SessionStorage) async throws -> Void

        init(
            _ name: String, _ run: @escaping @Sendable (any SessionStorage, any SessionStorage) async throws -> Void
        ) {
            self.name = name
            self.run = run
        }

        /// The promise.
        public var description: String { name }
    }

    /// All promises about one storage.
    public static let checks: [Check] =
        insertChecks + updateChecks + listChecks + removalChecks + keyChecks + valueChecks + textChecks
        + cutOffChecks + cutOffModelChecks + activityChecks + auditChecks + auditLogChecks + auditChainChecks
        + noteChecks + revocationChecks + eventChecks + policyChecks + deviceChecks + successionChecks + actorChecks
        + concurrencyChecks
}

/// A storage broke a promise.
public struct ConformanceFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What it did, as a sentence.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Throws unless something holds.
func expect(_ holds: Bool, _ sentence: @autoclosure () -> String) throws(ConformanceFailure) {
    if !holds { throw ConformanceFailure(sentence()) }
}

/// Throws unless two values are equal, and shows both.
func expect<Value: Equatable>(
    _ value: Value, is expected: Value, _ what: @autoclosure () -> String
) throws(ConformanceFailure) {
    if value != expected { throw ConformanceFailure("\(what()): \(value) instead of \(expected)") }
}
