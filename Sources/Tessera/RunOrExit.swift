import PlatformLibC
import SessionService
import SessionStorage
import TesseraSessions

/// Runs a program: an error ends it with one sentence on the standard error output and exit code 1.
///
/// A `main` that throws ends with a crash report instead, from which an operator does not learn, say, of a second process on the
/// folder of the sessions.
///
/// ```swift
/// static func main() async {
///     await runOrExit { try await application().runService() }
/// }
/// ```
///
/// - Parameter program: opens the sessions and serves; `main` continues after it when it returns.
public func runOrExit(_ program: () async throws -> Void) async {
    do {
        try await program()
    } catch {
        let line = "error: \(sentence(about: error))\n"
        _ = Array(line.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        exit(1)
    }
}

/// The sentence for an operator about an error at the start.
private func sentence(about error: any Error) -> String {
    switch error {
    case let error as SessionError: error.reason.isEmpty ? "\(error)" : error.reason
    case let error as StorageError: error.detail
    case ServiceError.storage(let error): error.detail
    default: "\(error)"
    }
}
