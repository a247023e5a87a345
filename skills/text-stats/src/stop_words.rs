//! English function words: what a text has much of whatever it is about.

/// Whether `word`, in lower case and with a straight apostrophe, is a function word.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
}

/// In the order of their bytes.
#[rustfmt::skip]
const STOP_WORDS: [&str; 268] = [
    "a", "about", "above", "after", "again", "against", "all", "also", "although", "always", "am", "among", "an",
    "and", "another", "any", "anybody", "anyone", "anything", "are", "aren't", "around", "as", "at", "be", "became",
    "because", "become", "been", "before", "behind", "being", "below", "between", "both", "but", "by", "can", "can't",
    "cannot", "could", "couldn't", "did", "didn't", "do", "does", "doesn't", "doing", "don't", "done", "down",
    "during", "each", "either", "else", "even", "ever", "every", "everybody", "everyone", "everything", "few", "for",
    "from", "further", "get", "gets", "getting", "give", "go", "goes", "going", "got", "had", "hadn't", "has",
    "hasn't", "have", "haven't", "having", "he", "he'd", "he'll", "he's", "her", "here", "here's", "hers", "herself",
    "him", "himself", "his", "how", "how's", "however", "i", "i'd", "i'll", "i'm", "i've", "if", "in", "indeed",
    "into", "is", "isn't", "it", "it'd", "it'll", "it's", "its", "itself", "just", "less", "let", "let's", "like",
    "made", "make", "many", "may", "maybe", "me", "might", "mine", "more", "most", "much", "must", "mustn't", "my",
    "myself", "neither", "never", "no", "nobody", "none", "nor", "not", "nothing", "now", "of", "off", "often", "on",
    "once", "one", "only", "onto", "or", "other", "others", "ought", "our", "ours", "ourselves", "out", "over", "own",
    "per", "perhaps", "quite", "rather", "really", "said", "same", "say", "says", "shall", "shan't", "she", "she'd",
    "she'll", "she's", "should", "shouldn't", "since", "so", "some", "somebody", "someone", "something", "still",
    "such", "than", "that", "that'd", "that's", "the", "their", "theirs", "them", "themselves", "then", "there",
    "there'd", "there's", "therefore", "these", "they", "they'd", "they'll", "they're", "they've", "this", "those",
    "though", "through", "thus", "to", "together", "too", "toward", "towards", "under", "unless", "until", "up",
    "upon", "us", "very", "was", "wasn't", "we", "we'd", "we'll", "we're", "we've", "were", "weren't", "what",
    "what's", "whatever", "when", "when's", "whenever", "where", "where's", "whether", "which", "while", "who",
    "who'd", "who'll", "who's", "whoever", "whom", "whose", "why", "why's", "will", "with", "within", "without",
    "won't", "would", "wouldn't", "yes", "yet", "you", "you'd", "you'll", "you're", "you've", "your", "yours",
    "yourself", "yourselves",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_found() {
        assert!(STOP_WORDS.is_sorted_by(|a, b| a < b));
        assert!(is_stop_word("the") && is_stop_word("don't"));
        assert!(!is_stop_word("fence") && !is_stop_word(""));
    }
}
