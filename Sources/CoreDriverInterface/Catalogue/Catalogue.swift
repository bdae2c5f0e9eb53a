/// Everything in which versions of the core driver interface differ, as one list.
///
/// To add a version, name it in ``supported`` and add entries; no handler changes.
public enum Catalogue {
    /// The versions this core speaks.
    public static let supported: [CDIVersion] = [
        "1.0", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9", "2.10", "2.11", "2.12", "2.13",
        "2.14", "2.15", "2.16", "2.17", "2.18", "2.19", "2.20", "2.21", "3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3",
        "5.4", "5.5", "5.6",
    ]

    /// The version of that name, spoken here or not; `nil` when it is no name of a version.
    static func version(named text: String) -> CDIVersion? { CDIVersion(text) }

    /// Paths of one generation, with what a missing or a malformed version means to it.
    enum Family {
        /// `/session` and the like, cores 1 and 2. A driver that sends no version is from before versions were sent.
        case plain
        /// `/recipe/session` and the like. A driver that sends no version takes the newest.
        case recipe
        /// The same in every version, none has to be sent.
        case versionFree

        /// The version of a request that names none.
        var assumedVersion: CDIVersion? {
            switch self {
            case .plain: "1.0"
            case .recipe, .versionFree: Catalogue.supported.last
            }
        }

        /// The answer to a version that is not one (docs/specification/core.md 1.1).
        func malformedVersionText(_ value: String) -> String {
            let isNumber = value.split(separator: ".", omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
            return switch self {
            case .plain, .versionFree: "cdi-version \(value) not supported"
            case .recipe: isNumber ? "cdi-version \(value) not supported" : "cdi-version header is invalid"
            }
        }
    }

    /// Whether an operation belongs to a tenant, to the app as a whole or to the core.
    enum Scope {
        case tenant
        /// Names its session or its keys itself: asked through any tenant of the app.
        case anyTenant
        /// As that, but refused under a tenant's path by the versions whose verification only looks.
        case verification
        /// Refused under a tenant's path in newer versions.
        case app
        /// Refused under a tenant's path in every version.
        case publicTenant
        /// Refused under the path of any app or tenant but `public`.
        case core
    }

    /// What a route answers in versions that do not have it.
    enum Absence {
        /// As if the path were unknown.
        case notFound
        /// A refusal with a text of its own.
        case refused(String)
    }

    /// A path and a method that mean an operation.
    struct Route {
        let operation: CoreOperation
        let methods: [CoreMethod]
        let path: String
        let family: Family
        let scope: Scope
        var availability: Availability
        let absence: Absence
        /// Why it came or went; empty when it did neither.
        var reason = ""
    }

    /// The versions that use a generation's paths.
    struct Generation {
        let family: Family
        var availability: Availability
        let what: String
        let reason: String
    }

    /// Members of replies that exist in some versions only.
    ///
    /// A member that no entry names exists in all.
    struct Members {
        let paths: [String]
        let shapes: [ReplyShape]
        var availability: Availability
        let reason: String
    }

    /// Whether a driver has to send a field.
    package enum Presence: Sendable {
        /// A request without it is refused.
        case required
        /// It may be left out.
        case optional
        /// It is not read, whatever it is.
        case ignored
    }

    /// A field of a request that exists in some versions only, or is required in some only.
    struct Input {
        let name: String
        let operation: CoreOperation
        let presence: Presence
        var availability: Availability
        let reason: String
    }

    /// Behaviour that differs.
    struct Rule {
        let what: String
        var availability: Availability
        let reason: String
        let apply: @Sendable (inout DialectRules) -> Void
    }
}
