import Foundation
import SQLiteStorage
import SessionEngine
import SessionService
import Testing

@Suite("The code of the documentation")
struct DocumentationTests {
    @Test("It compiles, and does what it says")
    func life() async throws {
        let place = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: place) }
        let folder = place.path
        let database = try SQLiteDatabase(folder: folder)
        let sessions = try await SessionManager(storage: database.storage(of: .public))

        // A user has just proved who they are.
        guard case .created(let tokens) = try await sessions.createSession(.init(userID: UserID("alice"))) else {
            return
        }
        let token = tokens.accessToken.exposed
        let presented = tokens.refreshToken.exposed

        // A request came in with an access token.
        let result = try await sessions.verify(.init(accessToken: token, checksDatabase: true))
        guard case .valid = result else {
            Issue.record("\(result)")
            return
        }

        // The access token has expired.
        let next = try await sessions.refresh(.init(refreshToken: RefreshToken(presented)))
        guard case .refreshed = next else {
            Issue.record("\(next)")
            return
        }
    }
}
