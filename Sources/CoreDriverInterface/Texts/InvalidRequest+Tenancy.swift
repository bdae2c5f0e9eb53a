extension InvalidRequest {
    /// Mistakes about apps and tenants.
    public enum TenancyMistake: Sendable, Equatable {
        /// The operation concerns the core and was asked through an app or a tenant.
        case notThroughThisPath
        /// A name that no path could carry, in that field.
        case name(String)
        /// The app `public` is to be removed.
        case removesPublicApp
        /// The tenant `public` is to be removed.
        case removesPublicTenant
        /// The app `public` is configured where the core is.
        case configuresPublicApp
        /// A tenant wants another value than its app.
        case differsFromApp(key: String)
        /// A value of `coreConfig` that cannot be taken, with the reason.
        case coreConfig(String)
    }

    /// A request with a mistake about apps or tenants.
    ///
    /// Two texts are those of the cores (docs/specification/core.md 1.8 and 7.1); the others are our own.
    public static func tenancy(_ mistake: TenancyMistake) -> InvalidRequest {
        switch mistake {
        case .notThroughThisPath:
            InvalidRequest(
                status: 403, "you can call this only from the base connection uri domain, public app and tenant")
        case .name(let field):
            InvalidRequest(
                "\(field) has to be 1 to \(PathName.maximumLength) letters, digits and hyphens, may not begin with "
                    + "'\(PathName.appPrefix)' and may not be 'recipe', 'config', 'users' or 'hello'")
        case .removesPublicApp: InvalidRequest("The public app cannot be removed")
        case .removesPublicTenant: InvalidRequest("The public tenant cannot be removed; remove the app instead")
        case .configuresPublicApp:
            InvalidRequest("Invalid core config: the public app takes its configuration from the core's own")
        case .differsFromApp(let key):
            InvalidRequest("You cannot set different values for \(key) for the same appId", quotesCaller: true)
        case .coreConfig(let reason): InvalidRequest("Invalid core config: \(reason)", quotesCaller: true)
        }
    }
}
