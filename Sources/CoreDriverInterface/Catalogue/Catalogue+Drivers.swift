extension Catalogue {
    /// What this package's own driver speaks: versions whose session calls have one shape (docs/specification/core.md 0.2), newest first.
    package static let versionsOfDriver: [CDIVersion] = ["5.4", "5.3", "5.2", "5.1", "5.0", "4.0", "3.1", "3.0"]
}
