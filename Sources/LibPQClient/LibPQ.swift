import LibPQFunctions

/// The system's libpq, opened when a database is first named.
///
/// A process that uses no PostgreSQL maps neither libpq nor the dozen libraries behind it.
package enum LibPQ {
    #if os(Linux)
        private static let files = ["libpq.so.5"]
    #else
        private static let files = [
            "libpq.5.dylib", "/opt/homebrew/opt/libpq/lib/libpq.5.dylib", "/usr/local/opt/libpq/lib/libpq.5.dylib",
        ]
    #endif

    /// Why it cannot be used; `nil` once it can.
    private static let failure: String? = {
        var first: String?
        for file in files {
            guard let failure = openLibPQ(file) else { return nil }
            first = first ?? String(cString: failure)
        }
        return first
    }()

    /// Opens the library, which has to be done before any of its functions is called.
    ///
    /// - Throws: `ClientError.unusable` if the library is missing or too old.
    package static func open() throws(ClientError) {
        guard let failure else { return }
        throw .unusable(
            "PostgreSQL needs libpq 14 or newer, which cannot be opened: \(failure); install it (Debian, Ubuntu: libpq5)"
        )
    }
}
