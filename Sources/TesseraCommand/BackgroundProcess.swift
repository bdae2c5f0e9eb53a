import PlatformLibC

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A process in a session of its own, which runs on when this one exits.
struct BackgroundProcess {
    private let pid: pid_t
    private let outputPath: String

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: its file.
    ///   - arguments: its command line, without its name.
    ///   - environment: its environment.
    ///   - output: the file that takes what it prints; what was there is lost.
    init(executable: String, arguments: [String], environment: [String: String], output: String) throws {
        outputPath = output
        var actions = Spawning.emptyFileActions
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var attributes = Spawning.emptyAttributes
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Spawning.newSession)
        var texts = ([executable] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in texts + variables { free(text) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable, &actions, &attributes, &texts, &variables)
        guard code == 0 else { throw Failure("cannot start \(executable): \(String(cString: strerror(code)))") }
        self.pid = pid
    }

    /// Whether it has ended.
    var hasEnded: Bool {
        var status: Int32 = 0
        return waitpid(pid, &status, WNOHANG) == pid
    }

    /// What it has printed.
    var output: String {
        String(decoding: FileManager.default.contents(atPath: outputPath) ?? Data(), as: UTF8.self)
    }

    /// Terminates it.
    func end() { kill(pid, SIGTERM) }
}
