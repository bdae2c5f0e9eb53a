/// What this driver speaks: versions whose session calls have one shape (docs/specification/core.md 0.2), newest first.
enum CatalogueOfCores {
    static let versions = ["5.4", "5.3", "5.2", "5.1", "5.0", "4.0", "3.1", "3.0"]
}
