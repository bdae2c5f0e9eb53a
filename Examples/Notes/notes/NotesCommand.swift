import Foundation
import NotesKit
import TesseraClient

#if !canImport(Darwin)
    import TesseraClientAsyncHTTP
#endif

/// Notes on a command line: `notes USER sign-in | list | add TEXT | status | sign-out`.
///
/// `API` is the demo application's address, `NOTES_FOLDER` where the session is kept, `NOTES_PASSWORD` the password.
@main
struct NotesCommand {
    static func main() async {
        do { try await run(Array(CommandLine.arguments.dropFirst())) } catch {
            FileHandle.standardError.write(Data("notes: \(error)\n".utf8))
            exit(1)
        }
    }

    private static func run(_ arguments: [String]) async throws {
        guard arguments.count >= 2 else {
            print("notes USER sign-in | list | add TEXT | status | sign-out")
            exit(2)
        }
        let environment = ProcessInfo.processInfo.environment
        let store =
            try environment["NOTES_FOLDER"].map { try FileStore(folder: $0) }
            ?? FileStore.standard(application: "tessera-notes")
        let book = try NoteBook(
            api: environment["API"] ?? "http://localhost:8080", user: arguments[0], store: store, transport: transport)
        switch arguments[1] {
        case "sign-in": try await book.signIn(password: environment["NOTES_PASSWORD"] ?? "demo")
        case "list": for note in try await book.notes() { print(note) }
        case "add": try await book.add(arguments.dropFirst(2).joined(separator: " "))
        case "sign-out": print(try await book.session.signOut() == .pending ? "signed out here" : "signed out")
        case "status":
            switch try await book.session.state {
            case .signedIn(let session): print("signed in as \(session.userID)")
            case .signedOut(let reason): print("signed out: \(reason.rawValue)")
            }
        default: throw ClientError.misconfigured("\(arguments[1]) is no command of notes")
        }
    }

    private static var transport: any ClientTransport {
        #if canImport(Darwin)
            URLSessionTransport()
        #else
            AsyncHTTPTransport.shared
        #endif
    }
}
