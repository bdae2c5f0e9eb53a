import SessionStorage
import Testing

@testable import PostgresStorage

@Suite("A PostgreSQL database that cannot be opened")
struct PostgresOpeningTests {
    private func error(code: String, message: String) async throws -> StorageError {
        let server = try RejectingServer(code: code, message: message)
        let settings = try PostgresSettings(
            uri: "postgresql://a:secret@127.0.0.1:\(server.port)/b?sslmode=disable&gssencmode=disable")
        do {
            _ = try await PostgresDatabase(settings, node: "n", logger: .silent)
        } catch {
            return error
        }
        throw StorageError(.corrupt, "a server that rejects everybody let somebody in")
    }

    @Test("a wrong password is an error to be mended, in whatever language the server says so")
    func wrongPassword() async throws {
        let words = "Passwort-Authentifizierung für Benutzer »a« fehlgeschlagen"
        let error = try await error(code: "28P01", message: words)
        #expect(error.code == .misconfigured, "a core that starts would wait for an hour: \(error.debugDescription)")
        #expect(error.detail.hasSuffix("FATAL:  \(words)"), "\(error.detail)")
    }

    @Test("a server that is starting up is waited for, whatever words it uses")
    func startingUp() async throws {
        let error = try await error(code: "57P03", message: "no password, invalid, does not exist")
        #expect(error.code == .unavailable)
    }

    @Test("a parameter that libpq cannot use is an error to be mended")
    func parameter() async throws {
        let settings = try PostgresSettings(uri: "postgresql://a@127.0.0.1:1/b?sslmode=never")
        await #expect(throws: StorageError(.misconfigured, "")) {
            try await PostgresDatabase(settings, node: "n", logger: .silent)
        }
        #expect(throws: StorageError(.misconfigured, "")) { try PostgresSettings(uri: "postgresql://a@b/c?d=e") }
    }
}
