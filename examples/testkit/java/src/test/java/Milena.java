import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.regex.Pattern;

/** A Milena of one test: started by the binary, stopped with the test, broken on request. */
final class Milena implements AutoCloseable {
    private final Process process;
    private final HttpClient client = HttpClient.newHttpClient();
    final String ready;

    Milena() throws IOException {
        String binary = System.getenv().getOrDefault("MILENA", "milena");
        List<String> command = List.of(binary, "serve", "--ephemeral", "-o", "json", "--kafka", "127.0.0.1:0",
            "--http", "127.0.0.1:0", "--registry", "off", "--rest", "off");
        process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        ready = new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
        if (ready == null) {
            throw new IOException("the server did not become ready");
        }
    }

    String kafka() {
        return word("kafka");
    }

    /** One call of /ephemeral/v1; an expectation that does not hold fails the test with its words. */
    String control(String method, String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(word("control") + "/" + path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .header("Authorization", "Bearer " + word("token"))
            .build();
        HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new AssertionError(answer.body());
        }
        return answer.body();
    }

    /** A string of the ready line: no name in it comes twice. */
    private String word(String name) {
        var matcher = Pattern.compile("\"" + name + "\":\"([^\"]*)\"").matcher(ready);
        if (!matcher.find()) {
            throw new IllegalStateException(name + " is not in " + ready);
        }
        return matcher.group(1);
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        process.waitFor();
    }
}
